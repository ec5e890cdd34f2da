from .backbones import BackbonePretrained, InternImage
from .connectors import DetectorTokenizer, LanguageGuidedTokenizer, RoIRefiner, TokenGuidance, TokenizerPretrained
from .detectors import MMDetDetector, OnnxDetector, OpenCVDetector, TransformersDetector
from .encoders import NoTextEncoder, TextEncoder
from .heads import FormatQueryHead, NextTokenHead, ProposalHead
from .llms import CausalLM
from .prompts import ProjectedPrompt, SymbolicPrompt
from .visionllm import VisionLLM

__all__ = [
    'BackbonePretrained', 'CausalLM', 'DetectorTokenizer', 'FormatQueryHead', 'InternImage',
    'LanguageGuidedTokenizer', 'MMDetDetector', 'NextTokenHead', 'NoTextEncoder', 'OnnxDetector', 'OpenCVDetector',
    'ProjectedPrompt', 'ProposalHead', 'RoIRefiner', 'SymbolicPrompt', 'TextEncoder', 'TokenGuidance',
    'TokenizerPretrained', 'TransformersDetector', 'VisionLLM'
]
