from .language_guided import LanguageGuidedTokenizer
from .pretrained import TokenizerPretrained
from .second_look import SecondLook
from .token_guidance import TokenGuidance

__all__ = ['LanguageGuidedTokenizer', 'SecondLook', 'TokenGuidance', 'TokenizerPretrained']
