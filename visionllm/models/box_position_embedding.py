"""Sinusoidal position embeddings of boxes, and coordinates of pixels."""

import math

import torch
from torch import Tensor

NUM_OCTAVES = 7
BOX_EMBEDDING_CHANNELS = 4 + 4 * 2 * NUM_OCTAVES


def embed_box_positions(boxes: Tensor) -> Tensor:
    """Embed boxes as their coordinates, and the sines and cosines of these at ``NUM_OCTAVES`` frequencies.

    Args:
        boxes: ``float[..., 4]`` cxcywh in [0, 1]; no gradient is passed to them.

    Returns:
        ``float[..., 60]``; the lowest frequency is a quarter cycle per image.
    """
    frequencies = math.pi * 2.0**torch.arange(NUM_OCTAVES, device=boxes.device, dtype=boxes.dtype) / 2
    angles = (boxes.detach()[..., None] * frequencies).flatten(-2)
    return torch.cat([boxes.detach(), angles.sin(), angles.cos()], -1)


def pixel_centers(count: int, like: Tensor) -> Tensor:
    """Centers ``float[count]`` of a row of pixels that extends from -0.5 to 0.5; type and device of ``like``."""
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count - 0.5
