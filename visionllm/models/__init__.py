from .backbones import BackbonePretrained, InternImage
from .connectors import LanguageGuidedTokenizer, RoIRefiner, TokenGuidance, TokenizerPretrained
from .encoders import NoTextEncoder, TextEncoder
from .heads import FormatQueryHead, NextTokenHead, ProposalHead
from .llms import CausalLM
from .prompts import ProjectedPrompt, SymbolicPrompt
from .visionllm import VisionLLM

__all__ = [
    'BackbonePretrained', 'CausalLM', 'FormatQueryHead', 'InternImage', 'LanguageGuidedTokenizer', 'NextTokenHead',
    'NoTextEncoder', 'ProjectedPrompt', 'ProposalHead', 'RoIRefiner', 'SymbolicPrompt', 'TextEncoder',
    'TokenGuidance', 'TokenizerPretrained', 'VisionLLM'
]
