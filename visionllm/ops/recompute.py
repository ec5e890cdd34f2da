"""Keep what a function was given for the way back, and not what it finds on the way there."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch.utils.checkpoint import checkpoint

Found = TypeVar('Found')


def recomputed(function: Callable[..., Found], *args, random: bool = False) -> Found:
    """What ``function(*args)`` says; where gradients are wanted it is asked a second time on the way back.

    Args:
        random: Draws numbers, which must be the same the second time: looking after them costs half a millisecond.
    """
    if not torch.is_grad_enabled():
        return function(*args)
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=random)
