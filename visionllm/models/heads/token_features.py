"""What a head is told of an image token: what it is, where, and what points it would give itself."""

import math

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor

from visionllm.structures import ImageTokens
from visionllm.structures.polygons import from_the_top, resample
from visionllm.structures.rings import unit_ring

PLACE_OCTAVES = 7
PLACE_CHANNELS = 4 + 4 * 2 * PLACE_OCTAVES


def place_features(boxes: Tensor) -> Tensor:
    """A place, its sines and cosines: ``float[..., 4]`` to ``float[..., 60]``; the slowest is half a cycle an image."""
    octaves = math.pi * 2.0**torch.arange(PLACE_OCTAVES, device=boxes.device, dtype=boxes.dtype) / 2
    angles = (boxes.detach()[..., None] * octaves).flatten(-2)
    return torch.cat([boxes.detach(), angles.sin(), angles.cos()], -1)


def token_features(tokens: ImageTokens) -> Tensor:
    """What an image token is and where: ``float[B, M, channels]``."""
    return torch.cat([tokens.embeddings, place_features(tokens.boxes)], -1)


@torch.no_grad()
def own_points(tokens: ImageTokens, count: int) -> Tensor:
    """Points of the tokens' own places, ``float[B, M, count, 2]`` in [0, 1].

    Two are the box's corners. More are those of the outline that matter most, or where there is no outline, of the
    ellipse in the box.
    """
    if count == 2:
        return bbox_cxcywh_to_xyxy(tokens.boxes).unflatten(-1, (2, 2))
    if tokens.rings.shape[2] == 0:
        half = tokens.boxes[..., None, 2:] / 2
        return tokens.centres[..., None, :] + half * unit_ring(count).to(tokens.boxes)
    rings = tokens.rings.flatten(0, 1).cpu().double().numpy()
    points = [from_the_top(resample(ring, count)) for ring in rings]
    return torch.from_numpy(np.stack(points)).to(tokens.rings).unflatten(0, tokens.rings.shape[:2])
