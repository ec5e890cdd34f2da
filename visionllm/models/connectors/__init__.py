from .detector_tokenizer import DetectorTokenizer
from .grid_tokenizer import GridTokenizer
from .language_guided import LanguageGuidedTokenizer
from .perceiver_resampler import MLPRefiner, PerceiverResampler
from .pretrained import TokenizerPretrained
from .roi_encoder import RoIEncoder
from .roi_refiner import RoIRefiner
from .token_guidance import TokenGuidance

__all__ = ['DetectorTokenizer', 'GridTokenizer', 'LanguageGuidedTokenizer', 'MLPRefiner', 'PerceiverResampler',
           'RoIEncoder', 'RoIRefiner', 'TokenGuidance', 'TokenizerPretrained']
