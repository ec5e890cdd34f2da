from .means import Mean
from .targets import Target
from .tokens import CloseUps, ImageTokens, TextFeatures

__all__ = ['CloseUps', 'ImageTokens', 'Mean', 'Target', 'TextFeatures']
