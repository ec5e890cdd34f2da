from visionllm import mmdet_setup  # noqa: F401

from .backbones import BackbonePretrained, EfficientNetLite, InternImage
from .connectors import (
    DetectorTokenizer,
    GridTokenizer,
    LanguageGuidedTokenizer,
    PerceiverResampler,
    RoIEncoder,
    RoIRefiner,
    TokenGuidance,
    TokenizerPretrained,
    TokenMLP,
)
from .detectors import MMDetDetector, OnnxDetector, TensorFlowSSD, TransformersDetector
from .encoders import HuggingFaceVisionEncoder, NoTextEncoder, TextEncoder
from .heads import FormatQueryHead, InterleavedTextHead, NextTokenHead, ProposalHead
from .llava import LlavaPretrained
from .llms import CausalLM
from .parts_pretrained import PartsPretrained
from .prompts import ProjectedPrompt, SymbolicPrompt
from .visionllm import VisionLLM

__all__ = [
    'BackbonePretrained', 'CausalLM', 'DetectorTokenizer', 'EfficientNetLite', 'FormatQueryHead', 'GridTokenizer',
    'HuggingFaceVisionEncoder', 'InterleavedTextHead', 'InternImage', 'LanguageGuidedTokenizer', 'LlavaPretrained',
    'MMDetDetector', 'NextTokenHead', 'NoTextEncoder', 'OnnxDetector', 'PartsPretrained', 'PerceiverResampler',
    'ProjectedPrompt', 'ProposalHead', 'RoIEncoder', 'RoIRefiner', 'SymbolicPrompt', 'TensorFlowSSD', 'TextEncoder',
    'TokenGuidance', 'TokenMLP', 'TokenizerPretrained', 'TransformersDetector', 'VisionLLM'
]
