"""Places as networks read them."""

import math

import torch
from torch import Tensor

PLACE_OCTAVES = 7
PLACE_CHANNELS = 4 + 4 * 2 * PLACE_OCTAVES


def place_features(boxes: Tensor) -> Tensor:
    """A place, its sines and cosines: ``float[..., 4]`` to ``float[..., 60]``; the slowest is half a cycle an image."""
    octaves = math.pi * 2.0**torch.arange(PLACE_OCTAVES, device=boxes.device, dtype=boxes.dtype) / 2
    angles = (boxes.detach()[..., None] * octaves).flatten(-2)
    return torch.cat([boxes.detach(), angles.sin(), angles.cos()], -1)


def pixel_centres(count: int, like: Tensor) -> Tensor:
    """Where the pixels of a row lie, ``float[count]``, from its middle and in its length: -0.5 and 0.5 are its ends."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count - 0.5
