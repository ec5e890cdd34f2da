"""Bipartite matching of what was decoded with what is there."""

import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def match(class_cost: Tensor, boxes: Tensor, gt_boxes: Tensor, class_weight: float = 2.0, l1_weight: float = 5.0,
          giou_weight: float = 2.0, centre_only: bool = False) -> tuple[Tensor, Tensor]:
    """Cheapest assignment of the objects to different tokens.

    Args:
        class_cost: ``float[M, G]``, cost of token m being called what object g is.
        boxes: ``float[M, 4]`` cxcywh in [0, 1].
        gt_boxes: ``float[G, 4]`` cxcywh in [0, 1].
        centre_only: The boxes' extents mean nothing: compare centres alone.

    Returns:
        Indices of tokens and of objects, ``int[min(M, G)]`` each.
    """
    if len(gt_boxes) == 0:
        empty = torch.zeros(0, dtype=torch.long, device=boxes.device)
        return empty, empty
    sides = 2 if centre_only else 4
    cost = class_weight * class_cost + l1_weight * torch.cdist(boxes[:, :sides], gt_boxes[:, :sides], p=1)
    if not centre_only:
        giou = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(gt_boxes), mode='giou')
        cost = cost - giou_weight * giou
    cost = cost.detach().float().nan_to_num()  # NaN shows in the loss
    tokens, objects = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(tokens, device=boxes.device), torch.as_tensor(objects, device=boxes.device)


def paired_labels(pairs: list[tuple[Tensor, Tensor]], labels: list[Tensor], tokens: int, nothing: int) -> Tensor:
    """``int[B, tokens]``: the label of the object that a token is paired with, ``nothing`` for the others."""
    target = torch.full((len(pairs), tokens), nothing, device=labels[0].device)
    for b, (chosen, objects) in enumerate(pairs):
        target[b, chosen] = labels[b][objects]
    return target


def true_names(pairs: list[tuple[Tensor, Tensor]], labels: list[Tensor], tokens: int, classes: int) -> Tensor:
    """``float[B, tokens, classes + 1]``: 1 for the class of the object a token is paired with, or for none."""
    return F.one_hot(paired_labels(pairs, labels, tokens, classes), classes + 1).float()
