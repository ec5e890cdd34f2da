from .no_text import NoText
from .text import TextEncoder

__all__ = ['NoText', 'TextEncoder']
