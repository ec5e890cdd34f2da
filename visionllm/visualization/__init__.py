from visionllm import mmdet_setup  # noqa: F401

from .drawing import draw
from .folder import write_predictions
from .prediction import MissingPackageError, Prediction

__all__ = ['MissingPackageError', 'Prediction', 'draw', 'write_predictions']
