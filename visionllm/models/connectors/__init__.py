from .detector_tokenizer import DetectorTokenizer
from .language_guided import LanguageGuidedTokenizer
from .pretrained import TokenizerPretrained
from .roi_refiner import RoIRefiner
from .token_guidance import TokenGuidance

__all__ = ['DetectorTokenizer', 'LanguageGuidedTokenizer', 'RoIRefiner', 'TokenGuidance', 'TokenizerPretrained']
