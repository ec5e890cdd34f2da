from .block_attention import SHARED_PREFIX, Blocks, block_attention
from .causal_lm import CausalLM, Prefix

__all__ = ['SHARED_PREFIX', 'Blocks', 'CausalLM', 'Prefix', 'block_attention']
