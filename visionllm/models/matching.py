"""Bipartite matching of predictions and ground truth (DETR, section 3.1).

Dimensions: B images, M image tokens, G ground truth objects, K classes.
"""

import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor


def hungarian_match(class_cost: Tensor, boxes: Tensor, gt_boxes: Tensor, class_weight: float = 2.0,
                    l1_weight: float = 5.0, giou_weight: float = 2.0,
                    center_only: bool = False) -> tuple[Tensor, Tensor]:
    """Assignment of objects to different tokens with the lowest total cost.

    Args:
        class_cost: ``float[M, G]``, classification cost of token m for object g.
        boxes: ``float[M, 4]`` cxcywh in [0, 1], predictions.
        gt_boxes: ``float[G, 4]`` cxcywh in [0, 1].
        class_weight, l1_weight, giou_weight: Weights of the costs of class, L1 distance and generalized IoU.
        center_only: Compare centers alone, for predictions without an extent.

    Returns:
        Indices of tokens and of objects, ``int[min(M, G)]`` each.
    """
    from scipy.optimize import linear_sum_assignment  # takes long to import, and inference has no use for it
    if len(gt_boxes) == 0:
        empty = torch.zeros(0, dtype=torch.long, device=boxes.device)
        return empty, empty
    coordinates = 2 if center_only else 4
    l1_cost = torch.cdist(boxes[:, :coordinates], gt_boxes[:, :coordinates], p=1)
    cost = class_weight * class_cost + l1_weight * l1_cost
    if not center_only:
        giou = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(gt_boxes), mode='giou')
        cost = cost - giou_weight * giou
    cost = cost.detach().float().nan_to_num()  # the solver rejects NaN; the loss still shows it
    tokens, objects = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(tokens, device=boxes.device), torch.as_tensor(objects, device=boxes.device)


def keep_overlapping(match: tuple[Tensor, Tensor], boxes: Tensor, gt_boxes: Tensor,
                     min_iou: float) -> tuple[Tensor, Tensor]:
    """The pairs of a match whose boxes overlap enough.

    Args:
        match: Indices of tokens and of objects, ``int[n]`` each.
        boxes, gt_boxes: ``float[M, 4]`` and ``float[G, 4]`` cxcywh.
        min_iou: Smallest IoU.
    """
    tokens, objects = match
    iou = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes[tokens]), bbox_cxcywh_to_xyxy(gt_boxes[objects]), is_aligned=True)
    return tokens[iou >= min_iou], objects[iou >= min_iou]


def matched_labels(pairs: list[tuple[Tensor, Tensor]], labels: list[Tensor], tokens: int, nothing: int) -> Tensor:
    """Classification targets of all tokens.

    Args:
        pairs: Indices of tokens and of the objects matched to them, ``int[n]`` each, of each image.
        labels: ``int[G]``, the objects' labels, of each image.
        tokens: M.
        nothing: Label of unmatched tokens (no-object).

    Returns:
        ``int[B, M]``.
    """
    target = torch.full((len(pairs), tokens), nothing, device=labels[0].device)
    for b, (matched, objects) in enumerate(pairs):
        target[b, matched] = labels[b][objects]
    return target


def matched_one_hot(pairs: list[tuple[Tensor, Tensor]], labels: list[Tensor], tokens: int, classes: int) -> Tensor:
    """``matched_labels`` as one-hot vectors ``float[B, M, K + 1]``, the last entry for no-object."""
    return F.one_hot(matched_labels(pairs, labels, tokens, classes), classes + 1).float()
