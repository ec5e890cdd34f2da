from .connectors import LanguageGuidedTokenizer, SecondLook, TokenizerPretrained
from .encoders import TextEncoder
from .heads import FormatQueryHead, NextTokenHead, OwnPlacesHead
from .llms import CausalLM
from .visionllm import VisionLLM

__all__ = [
    'CausalLM', 'FormatQueryHead', 'LanguageGuidedTokenizer', 'NextTokenHead', 'OwnPlacesHead', 'SecondLook',
    'TextEncoder', 'TokenizerPretrained', 'VisionLLM'
]
