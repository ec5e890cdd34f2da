from .causal_lm import CausalLM, Prefix
from .padding import causal, left_padded

__all__ = ['CausalLM', 'Prefix', 'causal', 'left_padded']
