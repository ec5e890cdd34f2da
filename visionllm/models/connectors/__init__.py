from .language_guided import LanguageGuidedTokenizer
from .pretrained import TokenizerPretrained
from .second_look import SecondLook

__all__ = ['LanguageGuidedTokenizer', 'SecondLook', 'TokenizerPretrained']
