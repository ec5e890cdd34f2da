from .connectors import DeformableDETRPretrained, LanguageGuidedTokenizer
from .encoders import TextEncoder
from .heads import FormatQueryHead
from .llms import CausalLM
from .visionllm import VisionLLM

__all__ = [
    'CausalLM', 'DeformableDETRPretrained', 'FormatQueryHead', 'LanguageGuidedTokenizer', 'TextEncoder', 'VisionLLM'
]
