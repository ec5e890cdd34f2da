"""LoRA in float32 on a language model in bfloat16.

By default peft casts the input of each adapted layer to float32 and stores the copies, one each for q, k and v, for the
backward pass. Here the input is stored as it is, and cast again in the backward pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

TUPLES, TEXT = 'default', 'text'  # names of the adapters for answers in tuples and in text


class UpcastLinear(nn.Linear):
    """Linear layer without bias that casts its input to the type of its weights, and stores only the original."""

    def forward(self, x: Tensor) -> Tensor:
        """``float[..., in_features]`` of any type to ``float[..., out_features]`` of the weights' type."""
        return _UpcastMatmul.apply(x, self.weight)


class _UpcastMatmul(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(x.to(weight.dtype), weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        grad = grad.to(weight.dtype)  # under autocast it has a lower precision
        return (grad @ weight).to(x.dtype), grad.flatten(0, -2).mT @ x.flatten(0, -2).to(weight.dtype)


@contextmanager
def adapters_disabled(decoder: nn.Module) -> Iterator[None]:
    """Context in which a decoder is its base model. peft's own switch would also unfreeze the adapters."""
    layers = [layer for layer in decoder.modules() if isinstance(layer, LoraLayer)]
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


@contextmanager
def adapter_active(decoder: nn.Module, name: str) -> Iterator[None]:
    """Context in which another adapter is the active one."""
    before = activate(decoder, name)
    try:
        yield
    finally:
        activate(decoder, before)


def activate(decoder: nn.Module, name: str) -> str:
    """Make an adapter the active one; the name of the one before. peft's own switch would freeze the others."""
    for layer in (each for each in decoder.modules() if isinstance(each, LoraLayer)):
        before, = layer.active_adapters
        layer._active_adapter = [name]
    return before


def lora_parameters(module: nn.Module, adapter: str) -> dict[str, nn.Parameter]:
    """The parameters of one adapter, by name."""
    return {name: parameter for name, parameter in module.named_parameters()
            if 'lora_' in name and adapter in name.split('.')}


def upcast_adapters(decoder: nn.Module) -> None:
    """Convert the LoRA weights of a decoder to float32, whatever the type of its own weights; in place."""
    for layer in decoder.modules():
        if isinstance(layer, LoraLayer):
            layer.cast_input_dtype_enabled = False
            for name, lora_a in layer.lora_A.items():
                upcast = UpcastLinear(lora_a.in_features, lora_a.out_features, bias=False, device='meta')
                upcast.weight = lora_a.weight
                layer.lora_A[name] = upcast
    for name, parameter in decoder.named_parameters():
        if 'lora_' in name:
            parameter.data = parameter.data.float()
