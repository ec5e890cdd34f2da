"""Multi-scale deformable attention (Deformable DETR, section 4.1) in plain torch, fast on a CPU.

A query looks at ``P`` points in each of ``L`` maps; a point is read by bilinear interpolation of four pixels. So an
output is a weighted sum of ``4 L P`` rows of the value, with weight = attention x bilinear: that is what
``embedding_bag`` computes, with no intermediate of the size of the samples.

Letters: B pictures, S pixels of all levels, H heads, D channels a head, Q queries, L levels, P points.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def ms_deform_attn(value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor,
                   attention_weights: Tensor) -> Tensor:
    """Multi-scale deformable attention.

    Args:
        value: ``float[B, S, H, D]``.
        spatial_shapes: ``int[L, 2]``, height and width of each level.
        sampling_locations: ``float[B, Q, H, L, P, 2]``, (x, y), 0 and 1 at the picture's edges; outside reads zero.
        attention_weights: ``float[B, Q, H, L, P]``.

    Returns:
        ``float[B, Q, H * D]``.
    """
    batch, pixels, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    heights, widths = spatial_shapes.to(value.device).unbind(1)  # int[L]
    starts = torch.cat([heights.new_zeros(1), (heights * widths).cumsum(0)[:-1]])

    size = torch.stack([widths, heights], 1)[:, None].to(value.dtype)  # [L, 1, 2]
    position = sampling_locations * size - 0.5  # in pixels, centre of the first pixel at 0
    corner = position.detach().floor()
    right, low = (position - corner).unbind(-1)  # weight of the right and the lower neighbour
    column, row = corner.long().unbind(-1)  # [B, Q, H, L, P]

    indices, weights = [], []
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = column + dx, row + dy
        limit_x, limit_y = widths[:, None], heights[:, None]
        inside = (x >= 0) & (x < limit_x) & (y >= 0) & (y < limit_y)
        weight = (right if dx else 1 - right) * (low if dy else 1 - low)
        indices.append(starts[:, None] + y.clamp_min(0).minimum(limit_y - 1) * limit_x +
                       x.clamp_min(0).minimum(limit_x - 1))
        weights.append(weight * inside * attention_weights)
    index = torch.stack(indices, -1).flatten(3)  # [B, Q, H, 4 L P], pixel of a picture
    weight = torch.stack(weights, -1).flatten(3)

    picture = torch.arange(batch, device=value.device)[:, None, None, None]
    head = torch.arange(heads, device=value.device)[:, None]
    index = (picture * pixels + index) * heads + head  # row of value[B * S * H, D]
    rows = F.embedding_bag(index.flatten(0, 2), value.reshape(-1, channels), mode='sum',
                           per_sample_weights=weight.flatten(0, 2).to(value.dtype))
    return rows.view(batch, queries, heads * channels)
