from .connectors import DeformableDETRPretrained, LanguageGuidedTokenizer
from .encoders import TextEncoder
from .heads import FormatQueryHead, NextTokenHead, OwnPlacesHead
from .llms import CausalLM
from .visionllm import VisionLLM

__all__ = [
    'CausalLM', 'DeformableDETRPretrained', 'FormatQueryHead', 'LanguageGuidedTokenizer', 'NextTokenHead',
    'OwnPlacesHead', 'TextEncoder', 'VisionLLM'
]
