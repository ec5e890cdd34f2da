"""Activation checkpointing: keep the inputs of a function and recompute the rest in the backward pass."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch.utils.checkpoint import checkpoint

Found = TypeVar('Found')


def checkpointed(function: Callable[..., Found], *args: object, random: bool = False) -> Found:
    """``function(*args)``; with gradients enabled it is recomputed in the backward pass.

    Args:
        function: The function.
        *args: Its arguments.
        random: Whether it uses random numbers: the state of the generators, which takes time to save, is restored for
            the recomputation.
    """
    if not torch.is_grad_enabled():
        return function(*args)
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=random)
