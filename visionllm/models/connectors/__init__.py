from .language_guided import LanguageGuidedTokenizer
from .pretrained import TokenizerPretrained

__all__ = ['LanguageGuidedTokenizer', 'TokenizerPretrained']
