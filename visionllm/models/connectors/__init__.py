from .detector_tokenizer import DetectorTokenizer
from .grid_tokenizer import GridTokenizer
from .language_guided import LanguageGuidedTokenizer
from .mlp_refiner import MLPRefiner
from .perceiver_resampler import PerceiverResampler
from .pretrained import TokenizerPretrained
from .roi_encoder import RoIEncoder
from .roi_refiner import RoIRefiner
from .token_guidance import TokenGuidance

__all__ = ['DetectorTokenizer', 'GridTokenizer', 'LanguageGuidedTokenizer', 'MLPRefiner', 'PerceiverResampler',
           'RoIEncoder', 'RoIRefiner', 'TokenGuidance', 'TokenizerPretrained']
