"""What is not trained. Checkpoints leave it out: frozen pre-trained weights come from their own source."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def leave_frozen_out(module: nn.Module) -> None:
    """Make ``state_dict`` skip the parameters that are frozen now, and loading not miss them."""
    frozen = {name for name, parameter in module.named_parameters(remove_duplicate=False)
              if not parameter.requires_grad}
    frozen |= {name for name, _ in module.named_buffers()}

    def drop_on_save(_module, state_dict, prefix, _metadata):
        for name in frozen:
            state_dict.pop(prefix + name, None)

    def forgive_on_load(_module, incompatible):
        missing = incompatible.missing_keys
        missing[:] = [key for key in missing if not any(key.endswith(name) for name in frozen)]

    module._register_state_dict_hook(drop_on_save)
    module.register_load_state_dict_post_hook(forgive_on_load)


@contextmanager
def only_training(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Within it, no gradient is computed but of these parameters; afterwards all is as it was."""
    kept = {id(parameter) for parameter in parameters}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in kept]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def native_dtype() -> torch.dtype:
    """bfloat16 where it is multiplied in hardware, float32 elsewhere."""
    if torch.cuda.is_available():
        return torch.bfloat16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() \
        else torch.float32
