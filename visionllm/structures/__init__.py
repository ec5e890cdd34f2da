from .detections import Detections
from .loss_terms import LossTerm
from .roi_crops import LazyRoICrops, RoICrops
from .targets import Target
from .tokens import ImageTokens, TextFeatures

__all__ = ['Detections', 'ImageTokens', 'LazyRoICrops', 'LossTerm', 'RoICrops', 'Target', 'TextFeatures']
