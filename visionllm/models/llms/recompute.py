"""What a decoder keeps for the way back, and what it finds again.

Products of a multilayer perceptron's two halves are always found again: an elementwise step that costs next to nothing,
and half of what a layer would keep besides. Whole layers are where activation checkpointing is asked for. transformers
has that without a cache only: run again, a layer would add its keys and values a second time.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from visionllm.ops.recompute import recomputed


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


def recompute_products(decoder: nn.Module) -> None:
    """Make the gated perceptrons of a transformers decoder, if it has such, keep the two halves alone."""
    for module in decoder.modules():
        if hasattr(module, 'gate_proj'):
            module.forward = partial(_multiply_again, module)


def _multiply_again(mlp: nn.Module, x: Tensor) -> Tensor:
    return mlp.down_proj(_Product.apply(mlp.act_fn.forward, mlp.gate_proj(x), mlp.up_proj(x)))


class _Product(torch.autograd.Function):
    """``act(gate) * up``. Activation checkpointing would say the same, and take 0.3 ms more for each.

    ``act`` is no module: hooks, as of who counts what a module does, would find it within a gradient of its own.
    """

    @staticmethod
    def forward(ctx, act: Callable[[Tensor], Tensor], gate: Tensor, up: Tensor) -> Tensor:
        ctx.act = act
        ctx.save_for_backward(gate, up)
        return act(gate) * up

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        gate, up = (half.detach() for half in ctx.saved_tensors)
        with torch.enable_grad():
            acted = ctx.act(gate.requires_grad_())
        return None, torch.autograd.grad(acted, gate, gradient * up)[0], gradient * acted.detach()


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
    hidden_states, layer.keys, layer.values = recomputed(run, hidden_states, layer.keys, layer.values, random=True)
    layer.is_initialized = True
    return hidden_states
