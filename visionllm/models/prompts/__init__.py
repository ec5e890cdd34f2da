from .projected import ProjectedPrompt
from .symbolic import SymbolicPrompt

__all__ = ['ProjectedPrompt', 'SymbolicPrompt']
