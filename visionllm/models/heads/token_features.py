"""What a head is told of an image token: what it is, where, and what points it would give itself."""

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from numpy.typing import NDArray
from torch import Tensor

from visionllm.structures import ImageTokens
from visionllm.structures.places import place_features
from visionllm.structures.polygons import Ring, from_the_top, resample, ring_of_logits
from visionllm.structures.rings import ellipses


def token_features(tokens: ImageTokens) -> Tensor:
    """What an image token is and where: ``float[B, M, channels]``."""
    return torch.cat([tokens.embeddings, place_features(tokens.boxes)], -1)


@torch.no_grad()
def own_points(tokens: ImageTokens, count: int, masks: Tensor | None = None) -> Tensor:
    """Points of the tokens' own places, ``float[B, M, count, 2]`` in [0, 1].

    Two are the box's corners. More are those of the outline that matter most: of what is positive in the masks, or
    where nothing is or there are no masks, of the token's own outline, or of the ellipse in its box.

    Args:
        masks: Logits ``float[B, M, P, P]`` of the tokens' close-ups.
    """
    if count == 2:
        return bbox_cxcywh_to_xyxy(tokens.boxes).unflatten(-1, (2, 2))
    outlines = _in_numpy(tokens.rings if tokens.rings.shape[2] else ellipses(tokens.boxes, count))
    if masks is not None:
        places = zip(outlines, _in_numpy(masks), _in_numpy(tokens.close_ups.frames))
        outlines = [_traced(mask, frame, otherwise=ring) for ring, mask, frame in places]
    points = [from_the_top(resample(ring, count)) for ring in outlines]
    return torch.from_numpy(np.stack(points)).to(tokens.boxes).unflatten(0, tokens.boxes.shape[:2])


def _traced(mask: NDArray, frame: NDArray, otherwise: Ring) -> Ring:
    """The outline of a mask in its frame (cxcywh); another one where the mask is empty."""
    ring = ring_of_logits(mask)
    return otherwise if ring is None else frame[:2] + (ring - 0.5) * frame[2:]


def _in_numpy(values: Tensor) -> NDArray[np.float64]:
    """Of all tokens, one after the other: ``float[B * M, ...]``."""
    return values.flatten(0, 1).cpu().double().numpy()
