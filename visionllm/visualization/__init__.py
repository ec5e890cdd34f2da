from .drawing import draw, write_predictions
from .prediction import Prediction

__all__ = ['Prediction', 'draw', 'write_predictions']
