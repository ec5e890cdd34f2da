from visionllm.visualization import Prediction, draw, write_predictions

from .inferencer import SHIPPED, Inferencer

__all__ = ['SHIPPED', 'Inferencer', 'Prediction', 'draw', 'write_predictions']
