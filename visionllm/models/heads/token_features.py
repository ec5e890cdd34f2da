"""What a head is told of an image token: what it is, where, and what points it would give itself."""

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor

from visionllm.structures import ImageTokens
from visionllm.structures.places import place_features
from visionllm.structures.polygons import from_the_top, resample
from visionllm.structures.rings import ellipses


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
        return ellipses(tokens.boxes, count)
    rings = tokens.rings.flatten(0, 1).cpu().double().numpy()
    points = [from_the_top(resample(ring, count)) for ring in rings]
    return torch.from_numpy(np.stack(points)).to(tokens.rings).unflatten(0, tokens.rings.shape[:2])
