from .tokens import ImageTokens, TextFeatures

__all__ = ['ImageTokens', 'TextFeatures']
