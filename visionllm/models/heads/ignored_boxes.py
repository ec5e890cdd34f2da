"""Ignored objects, such as COCO's crowds and VOC's difficult objects: predicting one is no error, nor is missing it.

Dimensions: B images, M image tokens, I ignored objects of an image.
"""

from collections.abc import Sequence

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor

MIN_OVERLAP = 0.5  # share of the token's box, as COCO's evaluation measures overlap with ignored objects
POINT_SIZE = 1e-3  # side of a token's box without extent


@torch.no_grad()
def unmatched_on_ignored(boxes: Tensor, matched: Sequence[Tensor], ignored: Sequence[Tensor]) -> Tensor:
    """Mask of the tokens that are not matched to an object and lie on an ignored one.

    Args:
        boxes: ``float[B, M, 4]`` cxcywh in [0, 1], of the tokens.
        matched: ``int[..]`` of each image, tokens matched to objects.
        ignored: ``float[I, 4]`` cxcywh in [0, 1] of each image.

    Returns:
        ``bool[B, M]``.
    """
    mask = torch.zeros(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    for b, objects in enumerate(ignored):
        if len(objects):
            places = torch.cat([boxes[b, :, :2], boxes[b, :, 2:].clamp(min=POINT_SIZE)], -1).float()
            share = bbox_overlaps(bbox_cxcywh_to_xyxy(places), bbox_cxcywh_to_xyxy(objects), mode='iof')  # [M, I]
            mask[b] = (share >= MIN_OVERLAP).any(1)
            mask[b, matched[b]] = False
    return mask
