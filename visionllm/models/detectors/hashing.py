"""SHA-256 of detectors."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from ..state_bytes import state_bytes

PART = 2**16  # bytes that are read at once: memory of that size is used again

def hash_module(module: nn.Module, settings: str) -> str:
    """SHA-256 of settings and of all parameters and buffers, in hexadecimal digits."""
    digest = hashlib.sha256(settings.encode())
    for part in state_bytes(module):
        digest.update(part)
    return digest.hexdigest()


def hash_files(paths: Iterable[str | Path]) -> str:
    """SHA-256 of the contents of files, one after the other, in hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open('rb') as file:
            while part := file.read(PART):
                digest.update(part)
    return digest.hexdigest()
