from visionllm import mmdet_setup  # noqa: F401

from .detections import Detections
from .lazy_features import ImageFeatures, LazyFeatures
from .loss_terms import LossTerm
from .roi_crops import RoICrops
from .targets import Target
from .tokens import ImageTokens, TextFeatures

__all__ = ['Detections', 'ImageFeatures', 'ImageTokens', 'LazyFeatures', 'LossTerm', 'RoICrops', 'Target',
           'TextFeatures']
