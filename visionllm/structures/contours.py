"""Contours as tensors: points on closed curves, with an arbitrary starting point.

Dimensions: n contours of N points.
"""

import math

import torch
from torch import Tensor


def points_to_boxes(points: Tensor) -> Tensor:
    """Bounding boxes of points: ``float[..., N, 2]`` to xyxy ``float[..., 4]``."""
    return torch.cat([points.amin(-2), points.amax(-2)], -1)


def unit_circle(count: int) -> Tensor:
    """Points ``float[count, 2]`` of the unit circle, clockwise from 12 o'clock in image coordinates."""
    angles = torch.arange(count) * (2 * math.pi / count)
    return torch.stack([angles.sin(), -angles.cos()], -1)


def boxes_to_ellipses(boxes: Tensor, count: int) -> Tensor:
    """Inscribed ellipses ``float[..., count, 2]`` of boxes ``float[..., 4]`` cxcywh."""
    return boxes[..., None, :2] + boxes[..., None, 2:] / 2 * unit_circle(count).to(boxes)


def align_start(contours: Tensor, decoded: Tensor) -> Tensor:
    """Choose the starting point of contours with the lowest L1 distance to predictions.

    Args:
        contours: ``float[n, N, 2]``, ground truth.
        decoded: ``float[n, N, 2]``, predictions.

    Returns:
        ``float[n, N, 2]``, the contours with their points shifted cyclically.
    """
    count = contours.shape[1]
    index = (torch.arange(count)[:, None] + torch.arange(count)).to(contours.device) % count  # [shift, point]
    shifted = contours[:, index]  # [n, shift, N, 2]
    nearest = (shifted - decoded[:, None]).abs().sum((2, 3)).argmin(1)
    return shifted[torch.arange(len(contours), device=contours.device), nearest]
