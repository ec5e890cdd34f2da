"""Activation checkpointing of a transformers decoder.

``recompute_gated_mlps`` recomputes only the product ``act(gate) * up`` of gated MLPs: an elementwise operation of
negligible cost, whose activations are about half of those of a layer. ``checkpoint_layers`` recomputes whole layers.
transformers supports the latter without a cache only: a recomputed layer would append its keys and values again.

Dimensions: B sequences, H key and value heads, T new tokens, S cached tokens, D head dimension.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from visionllm.ops.checkpointing import checkpointed

from .prefix import CACHE_ARGUMENT


class _SingleLayerCache:
    """Keys and values of one layer, with the interface of a transformers cache."""

    def __init__(self, keys: Tensor | None, values: Tensor | None):
        self.keys, self.values = keys, values

    def update(self, keys: Tensor, values: Tensor, layer: int,
               kwargs: dict | None = None) -> tuple[Tensor, Tensor]:  # transformers' name
        """Append ``float[B, H, T, D]`` and return all keys and values, ``float[B, H, S + T, D]``."""
        if self.keys is not None:
            keys, values = torch.cat([self.keys, keys], -2), torch.cat([self.values, values], -2)
        self.keys, self.values = keys, values
        return keys, values


def recompute_gated_mlps(decoder: nn.Module) -> None:
    """Let the gated MLPs of a transformers decoder, if any, store gate and up projections only; in place."""
    for module in decoder.modules():
        if hasattr(module, 'gate_proj'):
            module.forward = partial(_gated_mlp_forward, module)


def _gated_mlp_forward(mlp: nn.Module, x: Tensor) -> Tensor:
    return mlp.down_proj(_GatedProduct.apply(mlp.act_fn.forward, mlp.gate_proj(x), mlp.up_proj(x)))


class _GatedProduct(torch.autograd.Function):
    """``act(gate) * up``, recomputed in the backward pass with less overhead than ``checkpoint``.

    ``act`` is a function and not a module, because forward hooks would be called again within the backward pass.
    """

    @staticmethod
    def forward(ctx, act: Callable[[Tensor], Tensor], gate: Tensor, up: Tensor) -> Tensor:
        ctx.act = act
        ctx.save_for_backward(gate, up)
        return act(gate) * up

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[None, Tensor, Tensor]:
        gate, up = (saved.detach() for saved in ctx.saved_tensors)
        with torch.enable_grad():
            activation = ctx.act(gate.requires_grad_())
        return None, torch.autograd.grad(activation, gate, grad * up)[0], grad * activation.detach()


def checkpoint_layers(decoder: nn.Module) -> None:
    """Let the layers of a transformers decoder store their inputs only and recompute the rest; in place."""
    for index, layer in enumerate(decoder.layers):
        layer.forward = partial(_checkpointed_forward, layer.forward, index)


def _checkpointed_forward(forward: Callable, index: int, hidden_states: Tensor, **kwargs) -> Tensor:
    if not torch.is_grad_enabled():
        return forward(hidden_states, **kwargs)
    whole: DynamicCache = kwargs.pop(CACHE_ARGUMENT)

    def run(hidden_states: Tensor, keys: Tensor | None, values: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        cache = _SingleLayerCache(keys, values)  # a new one each time, so that recomputing appends nothing twice
        return forward(hidden_states, **{CACHE_ARGUMENT: cache}, **kwargs), cache.keys, cache.values

    if index == len(whole.layers):
        whole.layers.append(DynamicLayer())
    layer = whole.layers[index]
    hidden_states, layer.keys, layer.values = checkpointed(run, hidden_states, layer.keys, layer.values, random=True)
    layer.is_initialized = True
    return hidden_states
