from .no_text import NoTextEncoder
from .sentence import SentenceEncoder
from .text import TextEncoder
from .vision import HuggingFaceVisionEncoder

__all__ = ['HuggingFaceVisionEncoder', 'NoTextEncoder', 'SentenceEncoder', 'TextEncoder']
