"""Tensors that depend on frozen weights and texts alone, kept on disk: a new process need not compute them again."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from visionllm.assets import cache_dir
from visionllm.atomic_write import write_atomically

STRIDE = 997  # between the numbers that identify a tensor


def tensors_digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """A hash of names and of samples of tensors ``float[...]``, which any training changes."""
    digest = hashlib.sha256()
    for name, tensor in tensors:
        digest.update(f'{name} {tuple(tensor.shape)}'.encode())
        digest.update(tensor.detach().flatten()[::STRIDE].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def get_or_compute(name: str, depends_on: Sequence[str], compute: Callable[[], Tensor]) -> Tensor:
    """A tensor from the cache, or computed and kept there; a cache that cannot be written costs time alone.

    Args:
        name: Of the kind of tensor: the first part of its file's name.
        depends_on: All that it depends on.
        compute: Gives the tensor ``float[...]``.

    Returns:
        ``float[...]``, on the CPU if it is from the cache.
    """
    key = hashlib.sha256(json.dumps(list(depends_on)).encode()).hexdigest()[:16]
    path = cache_dir() / 'tensors' / f'{name}-{key}.safetensors'
    try:
        return load_file(path)['tensor']
    except (OSError, SafetensorError, KeyError):
        pass  # not there, or damaged
    tensor = compute()
    content = save(dict(tensor=tensor.detach().cpu().contiguous()))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return tensor
