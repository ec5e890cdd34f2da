"""What points that were decoded should have been."""

import torch.nn.functional as F
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from visionllm.language import OutputFormat
from visionllm.language.quantizer import bins_to_offsets, expected_bin, offsets_to_bins, soft_bins
from visionllm.structures import Mean
from visionllm.structures.rings import best_turn, extent


def location_losses(logits: Tensor, centres: Tensor, points: Tensor, output_format: OutputFormat,
                    soft_bin_sigma: float, box_weight: float) -> dict[str, Mean]:
    """Cross-entropy over the location tokens, and L1 + GIoU on the points that they mean.

    Args:
        logits: ``float[n, 2N, 1025]``.
        centres: ``float[n, 2]``, what offsets are measured from.
        points: ``float[n, N, 2]``, the truth: two corners, a ring that may start anywhere, or points that have names,
            NaN where unknown; each of ``n`` has one that is known.
        output_format: What was asked for.
        soft_bin_sigma: Width of the location target in bins.
        box_weight: Of L1 + GIoU.
    """
    centres = centres.detach()[:, None]
    decoded = bins_to_offsets(expected_bin(logits)).unflatten(-1, (-1, 2)) + centres
    if output_format.is_outline:
        points = best_turn(points, decoded.detach())
    known = points.isfinite().all(-1)
    target = soft_bins(offsets_to_bins((points - centres)[known]), soft_bin_sigma).flatten(0, 1)  # [known * 2, 1025]
    entropy = F.cross_entropy(logits.unflatten(1, (-1, 2))[known].flatten(0, 1), target, reduction='sum')
    gaps = (decoded - points.nan_to_num()).abs().mean(-1) * known  # [n, N]
    off = 5 * 4 * gaps.sum(1) / known.sum(1)  # a box has four coordinates
    if not output_format.is_named:  # the box around some points means nothing
        off = off + 2 * (1 - bbox_overlaps(extent(decoded), extent(points), mode='giou', is_aligned=True))
    return dict(loss_loc=Mean(entropy, len(target)), loss_box=Mean(box_weight * off.sum(), len(off)))
