from .detections import DetectionPrompt
from .projected import ProjectedPrompt
from .symbolic import SymbolicPrompt

__all__ = ['DetectionPrompt', 'ProjectedPrompt', 'SymbolicPrompt']
