"""Points on tensors: boxes around them, and rings that may start anywhere."""

import math

import torch
from torch import Tensor


def extent(points: Tensor) -> Tensor:
    """The box around points: ``float[..., N, 2]`` to xyxy ``float[..., 4]``."""
    return torch.cat([points.amin(-2), points.amax(-2)], -1)


def unit_ring(count: int) -> Tensor:
    """Points of the unit circle ``float[count, 2]``, clockwise on the screen from 12 o'clock."""
    angles = torch.arange(count) * (2 * math.pi / count)
    return torch.stack([angles.sin(), -angles.cos()], -1)


def ellipses(boxes: Tensor, count: int) -> Tensor:
    """Rings ``float[..., count, 2]`` in boxes ``float[..., 4]`` (cxcywh)."""
    return boxes[..., None, :2] + boxes[..., None, 2:] / 2 * unit_ring(count).to(boxes)


def best_turn(rings: Tensor, decoded: Tensor) -> Tensor:
    """Each ring ``float[n, N, 2]``, started at the point from which it lies nearest to what was decoded."""
    count = rings.shape[1]
    turns = (torch.arange(count)[:, None] + torch.arange(count)).to(rings.device) % count  # [turn, point]
    turned = rings[:, turns]  # [n, turn, N, 2]
    nearest = (turned - decoded[:, None]).abs().sum((2, 3)).argmin(1)
    return turned[torch.arange(len(rings), device=rings.device), nearest]
