from .causal_lm import CausalLM, Prefix
from .padding import causal_mask, left_pad
from .pretrained import LanguageModelPretrained

__all__ = ['CausalLM', 'LanguageModelPretrained', 'Prefix', 'causal_mask', 'left_pad']
