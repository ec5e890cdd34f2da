from visionllm import mmdet_setup  # noqa: F401

from .backbones import BackbonePretrained, EfficientNetLite, InternImage
from .connectors import (
    DetectorTokenizer,
    GridTokenizer,
    LanguageGuidedTokenizer,
    MLPRefiner,
    PerceiverResampler,
    RoIEncoder,
    RoIRefiner,
    TokenGuidance,
    TokenizerPretrained,
)
from .detectors import MMDetDetector, OnnxDetector, OpenCVDetector, TransformersDetector
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
    'MLPRefiner', 'MMDetDetector', 'NextTokenHead', 'NoTextEncoder', 'OnnxDetector', 'OpenCVDetector',
    'PartsPretrained', 'PerceiverResampler', 'ProjectedPrompt', 'ProposalHead', 'RoIEncoder', 'RoIRefiner',
    'SymbolicPrompt', 'TextEncoder', 'TokenGuidance', 'TokenizerPretrained', 'TransformersDetector', 'VisionLLM'
]
