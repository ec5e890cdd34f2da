"""Multi-scale deformable attention (Deformable DETR, section 4.1): Triton kernels on a GPU, plain torch elsewhere.

A query samples P points in each of L feature maps; a sample is the bilinear interpolation of four pixels. An output is
therefore a weighted sum of 4 L P rows of the value, with weights attention x bilinear. The torch implementation
computes it by ``embedding_bag``, without materializing the samples.

Dimensions: B images, S pixels of all levels, H heads, D channels per head, Q queries, L levels, P points.
"""

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from .weighted_rows import weighted_rows


@cache
def is_triton_available() -> bool:
    """Whether Triton is installed; CUDA builds of torch depend on it."""
    return find_spec('triton') is not None


def ms_deform_attn(value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor,
                   attention_weights: Tensor) -> Tensor:
    """Multi-scale deformable attention.

    Args:
        value: ``float[B, S, H, D]`` of any floating-point type; sampling locations are best kept in float32.
        spatial_shapes: ``int[L, 2]``, height and width of each level.
        sampling_locations: ``float[B, Q, H, L, P, 2]``, (x, y) in [0, 1] of the image; zero padding outside.
        attention_weights: ``float[B, Q, H, L, P]``.

    Returns:
        ``float[B, Q, H * D]``, of the value's type.
    """
    if value.is_cuda and value.dtype != torch.float64 and is_triton_available():  # the kernels accumulate in float32
        from .triton_ms_deform_attn import MSDeformAttn
        return MSDeformAttn.apply(value, spatial_shapes, sampling_locations, attention_weights)
    return torch_ms_deform_attn(value, spatial_shapes, sampling_locations, attention_weights)


def torch_ms_deform_attn(value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor,
                         attention_weights: Tensor) -> Tensor:
    """``ms_deform_attn`` in plain torch: ``float[B, S, H, D]`` to ``float[B, Q, H * D]``."""
    batch, pixels, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    heights, widths = spatial_shapes.to(value.device).int().unbind(1)  # int[L]
    starts = torch.cat([heights.new_zeros(1), (heights * widths).cumsum(0, dtype=torch.int32)[:-1]])
    size = torch.stack([widths, heights], 1)[:, None]  # [L, 1, 2]

    position = sampling_locations * size - 0.5  # in pixels, center of the first pixel at 0
    corner = position.detach().floor()
    fraction = position - corner
    corner = corner.int()
    pair = torch.stack([corner, corner + 1], -1)  # [B, Q, H, L, P, xy, 2]
    clipped = pair.clamp_min(0).minimum(size[..., None] - 1)
    columns, rows = clipped.unbind(-2)
    weight_x, weight_y = (torch.stack([1 - fraction, fraction], -1) * (clipped == pair)).unbind(-2)

    image = torch.arange(batch, device=value.device, dtype=torch.int32)[:, None, None, None, None, None]
    head = torch.arange(heads, device=value.device, dtype=torch.int32)[:, None, None, None]
    rows = ((image * pixels + starts[:, None, None]) + rows * widths[:, None, None]) * heads + head
    index = rows[..., None] + (columns * heads)[..., None, :]  # of value[B * S * H, D]
    weight = (attention_weights[..., None] * weight_y)[..., None] * weight_x[..., None, :]
    value_rows = value.reshape(-1, channels).to(weight.dtype)
    output = weighted_rows(value_rows, index.flatten(3).flatten(0, 2), weight.flatten(3).flatten(0, 2))
    return output.view(batch, queries, heads * channels).to(value.dtype)
