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
from .detectors import MMDetDetector, OnnxDetector, TensorFlowSSD, TransformersDetector
from .encoders import HuggingFaceVisionEncoder, NoTextEncoder, SentenceEncoder, TextEncoder
from .heads import FormatQueryHead, InterleavedTextHead, NextTokenHead, ProposalHead
from .llava import LlavaPretrained
from .llms import CausalLM
from .parts_pretrained import PartsPretrained
from .prompts import ProjectedPrompt, SymbolicPrompt
from .safe_loading import install_safe_loading
from .uint8_preprocessor import UInt8DataPreprocessor
from .visionllm import VisionLLM

install_safe_loading()

__all__ = [
    'BackbonePretrained', 'CausalLM', 'DetectorTokenizer', 'EfficientNetLite', 'FormatQueryHead', 'GridTokenizer',
    'HuggingFaceVisionEncoder', 'InterleavedTextHead', 'InternImage', 'LanguageGuidedTokenizer', 'LlavaPretrained',
    'MLPRefiner', 'MMDetDetector', 'NextTokenHead', 'NoTextEncoder', 'OnnxDetector', 'PartsPretrained',
    'PerceiverResampler', 'ProjectedPrompt', 'ProposalHead', 'RoIEncoder', 'RoIRefiner', 'SentenceEncoder',
    'SymbolicPrompt', 'TensorFlowSSD', 'TextEncoder', 'TokenGuidance', 'TokenizerPretrained',
    'TransformersDetector', 'UInt8DataPreprocessor', 'VisionLLM'
]
