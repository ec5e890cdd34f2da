from .causal_lm import CausalLM, Prefix
from .generation import Hypothesis, generate
from .padding import causal_mask, left_pad

__all__ = ['CausalLM', 'Hypothesis', 'Prefix', 'causal_mask', 'generate', 'left_pad']
