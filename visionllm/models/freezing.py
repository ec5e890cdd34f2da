"""Frozen parameters. Checkpoints leave them out: pre-trained weights are loaded from their own source."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def exclude_frozen_parameters(module: nn.Module) -> None:
    """Exclude the parameters that are frozen now, and all buffers, from ``state_dict`` and from its missing keys."""
    frozen = {name for name, parameter in module.named_parameters(remove_duplicate=False)
              if not parameter.requires_grad}
    frozen |= {name for name, _ in module.named_buffers()}

    def remove_from_state_dict(_module, state_dict, prefix, _metadata):
        for name in frozen:
            state_dict.pop(prefix + name, None)

    def remove_from_missing_keys(_module, incompatible):
        missing = incompatible.missing_keys
        missing[:] = [key for key in missing if not any(key.endswith(name) for name in frozen)]

    module._register_state_dict_hook(remove_from_state_dict)
    module.register_load_state_dict_post_hook(remove_from_missing_keys)


@contextmanager
def train_only(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Context in which only ``parameters`` of a model require gradients."""
    trained = {id(parameter) for parameter in parameters}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in trained]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


@contextmanager
def unfrozen(parameters: list[nn.Parameter]) -> Iterator[None]:
    """Context in which parameters require gradients, frozen or not."""
    frozen = [parameter for parameter in parameters if not parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def native_dtype() -> torch.dtype:
    """bfloat16 if the hardware supports it natively (CUDA, AVX-512 BF16, AMX), else float32."""
    if torch.cuda.is_available():
        return torch.bfloat16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() \
        else torch.float32
