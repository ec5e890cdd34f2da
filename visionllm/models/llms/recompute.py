"""Activation checkpointing of a decoder that reads in passes: a layer keeps what it was given, and is run again on the
way back.

transformers has it without a cache only: run again, a layer would add its keys and values a second time.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class _OneLayer:
    """The keys and values of one layer, in the place of a cache."""

    def __init__(self, keys: Tensor | None, values: Tensor | None):
        self.keys, self.values = keys, values

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """All keys and values, the new ones included."""
        if self.keys is not None:
            keys, values = torch.cat([self.keys, keys], -2), torch.cat([self.values, values], -2)
        self.keys, self.values = keys, values
        return keys, values


def recompute_layers(decoder: nn.Module) -> None:
    """Make a transformers decoder keep no activations within its layers; of what a layer says nothing changes."""
    for index, layer in enumerate(decoder.layers):
        layer.forward = partial(_forward, layer.forward, index)


def _forward(forward: Callable, index: int, hidden_states: Tensor, past_key_values: DynamicCache, **seeing) -> Tensor:
    if not torch.is_grad_enabled():
        return forward(hidden_states, past_key_values=past_key_values, **seeing)

    def run(hidden: Tensor, keys: Tensor | None, values: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        own = _OneLayer(keys, values)
        return forward(hidden, past_key_values=own, **seeing), own.keys, own.values

    if index == len(past_key_values.layers):
        past_key_values.layers.append(DynamicLayer())
    layer = past_key_values.layers[index]
    hidden_states, layer.keys, layer.values = checkpoint(run, hidden_states, layer.keys, layer.values,
                                                         use_reentrant=False)
    layer.is_initialized = True
    return hidden_states
