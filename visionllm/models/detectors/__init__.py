from .huggingface import TransformersDetector
from .mmdetection import MMDetDetector
from .onnx import OnnxDetector
from .published import PublishedDetector
from .tensorflow_ssd import TensorFlowSSD

__all__ = ['MMDetDetector', 'OnnxDetector', 'PublishedDetector', 'TensorFlowSSD', 'TransformersDetector']
