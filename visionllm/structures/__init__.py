from .targets import Target
from .tokens import ImageTokens, TextFeatures

__all__ = ['ImageTokens', 'Target', 'TextFeatures']
