"""SHA-256 of detectors."""

import hashlib
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import torch
from torch import nn


def hash_module(module: nn.Module, settings: str) -> str:
    """SHA-256 of settings and of the names and values of all parameters and buffers, in hexadecimal digits."""
    digest = hashlib.sha256(settings.encode())
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def hash_files(paths: Iterable[str | Path]) -> str:
    """SHA-256 of the contents of files, one after the other, in hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()
