from .detector_tokenizer import DetectorTokenizer
from .grid_tokenizer import GridTokenizer
from .language_guided import LanguageGuidedTokenizer
from .perceiver_resampler import PerceiverResampler, TokenMLP
from .pretrained import TokenizerPretrained
from .roi_encoder import RoIEncoder
from .roi_refiner import RoIRefiner
from .token_guidance import TokenGuidance

__all__ = ['DetectorTokenizer', 'GridTokenizer', 'LanguageGuidedTokenizer', 'PerceiverResampler', 'RoIEncoder',
           'RoIRefiner', 'TokenGuidance', 'TokenMLP', 'TokenizerPretrained']
