from .detections import Detections
from .loss_terms import LossTerm
from .targets import Target
from .tokens import ImageTokens, RoICrops, TextFeatures

__all__ = ['Detections', 'ImageTokens', 'LossTerm', 'RoICrops', 'Target', 'TextFeatures']
