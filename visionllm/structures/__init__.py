from .loss_terms import LossTerm
from .targets import Target
from .tokens import ImageTokens, RoICrops, TextFeatures

__all__ = ['RoICrops', 'ImageTokens', 'LossTerm', 'Target', 'TextFeatures']
