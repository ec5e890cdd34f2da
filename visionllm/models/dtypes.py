"""Precision of frozen weights."""

import torch

from visionllm.errors import ConfigError


def native_dtype() -> torch.dtype:
    """bfloat16 if the hardware supports it natively (CUDA, AVX-512 BF16, AMX), else float32."""
    if torch.cuda.is_available():  # T4 and V100 only emulate it, slowly
        return torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() \
        else torch.float32


def find_dtype(name: str) -> torch.dtype:
    """The type of that name, as in ``float32``; ``auto`` is ``native_dtype``.

    Raises:
        ConfigError: There is no such type of real numbers.
    """
    dtype = native_dtype() if name == 'auto' else getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ConfigError(f'dtype is {name!r}: expected auto, float32, bfloat16 or float16.')
    return dtype
