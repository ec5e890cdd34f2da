from .no_text import NoTextEncoder
from .text import TextEncoder

__all__ = ['NoTextEncoder', 'TextEncoder']
