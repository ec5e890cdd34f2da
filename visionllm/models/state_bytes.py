"""Everything that a module has learned as bytes, to be hashed."""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import nn
from torch.distributed.tensor import DTensor


def state_bytes(module: nn.Module) -> Iterator[bytes]:
    """Names, shapes and values of all parameters and buffers, frozen ones included."""
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        local = tensor.to_local() if isinstance(tensor, DTensor) else tensor
        yield f'{name} {tuple(tensor.shape)} {tensor.dtype}'.encode()
        yield local.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
