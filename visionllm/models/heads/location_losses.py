"""Losses of decoded points.

Dimensions: n tuples, N points of each.
"""

import torch.nn.functional as F
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from visionllm.language import OutputFormat
from visionllm.language.quantizer import bins_to_offsets, expected_bin, offsets_to_bins, soft_bins
from visionllm.structures import LossTerm
from visionllm.structures.contours import align_start, points_to_boxes

L1_WEIGHT, GIOU_WEIGHT = 5, 2  # as in DETR


def location_losses(logits: Tensor, centers: Tensor, points: Tensor, output_format: OutputFormat,
                    soft_bin_sigma: float, box_weight: float) -> dict[str, LossTerm]:
    """Cross-entropy over the location tokens, and L1 + GIoU of the expected points.

    Args:
        logits: ``float[n, 2N, 1025]``.
        centers: ``float[n, 2]``, origin of the offsets.
        points: ``float[n, N, 2]``, the target: two corners, a polygon that may start at any point, or keypoints, NaN
            where unknown (at least one of each n is known).
        output_format: Of the tuples.
        soft_bin_sigma: Width of the location target in bins.
        box_weight: Of L1 + GIoU.
    """
    centers = centers.detach()[:, None]
    decoded = bins_to_offsets(expected_bin(logits)).unflatten(-1, (-1, 2)) + centers
    if output_format.is_polygon:
        points = align_start(points, decoded.detach())
    known = points.isfinite().all(-1)
    target = soft_bins(offsets_to_bins((points - centers)[known]), soft_bin_sigma).flatten(0, 1)  # [known * 2, 1025]
    entropy = F.cross_entropy(logits.unflatten(1, (-1, 2))[known].flatten(0, 1), target, reduction='sum')
    distance = (decoded - points.nan_to_num()).abs().mean(-1) * known  # [n, N]
    error = L1_WEIGHT * 4 * distance.sum(1) / known.sum(1)  # DETR sums over a box's four coordinates
    if not output_format.has_point_names:  # a box around some keypoints means nothing
        giou = bbox_overlaps(points_to_boxes(decoded), points_to_boxes(points), mode='giou', is_aligned=True)
        error = error + GIOU_WEIGHT * (1 - giou)
    return dict(loss_loc=LossTerm(entropy, len(target)), loss_box=LossTerm(box_weight * error.sum(), len(error)))
