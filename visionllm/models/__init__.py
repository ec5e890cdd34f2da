from .backbones import BackbonePretrained, InternImage
from .connectors import LanguageGuidedTokenizer, SecondLook, TokenizerPretrained
from .encoders import TextEncoder
from .heads import FormatQueryHead, NextTokenHead, OwnPlacesHead, TokenByTokenHead
from .llms import CausalLM
from .visionllm import VisionLLM

__all__ = [
    'BackbonePretrained', 'CausalLM', 'FormatQueryHead', 'InternImage', 'LanguageGuidedTokenizer', 'NextTokenHead',
    'OwnPlacesHead', 'SecondLook', 'TextEncoder', 'TokenByTokenHead', 'TokenizerPretrained', 'VisionLLM'
]
