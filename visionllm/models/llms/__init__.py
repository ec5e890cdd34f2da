from .causal_lm import CausalLM, Prefix

__all__ = ['CausalLM', 'Prefix']
