"""LoRA in float32 on a language model in bfloat16.

Left to itself, peft copies what an adapted layer reads to float32, for q, k and v one by one, and each copy is kept for
the way back: a third of what a training step remembers of a bfloat16 model.
"""

import torch
import torch.nn.functional as F
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class UpcastLinear(nn.Linear):
    """A linear layer without a bias that reads any precision in its weights' own, and keeps what it was given."""

    def forward(self, x: Tensor) -> Tensor:
        return _Product.apply(x, self.weight)


class _Product(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(x.to(weight.dtype), weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        gradient = gradient.to(weight.dtype)  # from autocast it comes in less
        return (gradient @ weight).to(x.dtype), gradient.flatten(0, -2).mT @ x.flatten(0, -2).to(weight.dtype)


def train_in_float32(decoder: nn.Module) -> None:
    """Make the adapters of a decoder float32, whatever its own weights are."""
    for layer in decoder.modules():
        if isinstance(layer, LoraLayer):
            layer.cast_input_dtype_enabled = False
            for name, first in layer.lora_A.items():
                upcast = UpcastLinear(first.in_features, first.out_features, bias=False, device='meta')
                upcast.weight = first.weight
                layer.lora_A[name] = upcast
    for name, parameter in decoder.named_parameters():
        if 'lora_' in name:
            parameter.data = parameter.data.float()
