from .huggingface import TransformersDetector
from .mmdetection import MMDetDetector
from .onnx import OnnxDetector
from .opencv import OpenCVDetector
from .published import PublishedDetector

__all__ = ['MMDetDetector', 'OnnxDetector', 'OpenCVDetector', 'PublishedDetector', 'TransformersDetector']
