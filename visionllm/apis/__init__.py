from .inferencer import SHIPPED, Inferencer, Prediction, draw, write_predictions

__all__ = ['SHIPPED', 'Inferencer', 'Prediction', 'draw', 'write_predictions']
