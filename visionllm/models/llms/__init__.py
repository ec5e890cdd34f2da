from .causal_lm import CausalLM, Prefix
from .generation import generate
from .padding import causal_mask, left_pad

__all__ = ['CausalLM', 'Prefix', 'causal_mask', 'generate', 'left_pad']
