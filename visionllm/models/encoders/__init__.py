from .no_text import NoTextEncoder
from .text import TextEncoder
from .vision import HuggingFaceVisionEncoder

__all__ = ['HuggingFaceVisionEncoder', 'NoTextEncoder', 'TextEncoder']
