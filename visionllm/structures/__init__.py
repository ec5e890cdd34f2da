from .means import Mean
from .targets import Target
from .tokens import ImageTokens, TextFeatures

__all__ = ['ImageTokens', 'Mean', 'Target', 'TextFeatures']
