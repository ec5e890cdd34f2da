from .drawing import draw, write_predictions
from .inferencer import SHIPPED, Inferencer
from .prediction import Prediction

__all__ = ['SHIPPED', 'Inferencer', 'Prediction', 'draw', 'write_predictions']
