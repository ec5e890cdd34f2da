from .language_guided import LanguageGuidedTokenizer
from .pretrained import DeformableDETRPretrained

__all__ = ['DeformableDETRPretrained', 'LanguageGuidedTokenizer']
