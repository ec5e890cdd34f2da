"""Multi-scale deformable attention (Deformable DETR, section 4.1): Triton kernels on a GPU, elsewhere plain torch, fast
on a CPU.

A query looks at ``P`` points in each of ``L`` maps; a point is read by bilinear interpolation of four pixels. So an
output is a weighted sum of ``4 L P`` rows of the value, with weight = attention x bilinear: that is what
``embedding_bag`` computes, with no intermediate of the size of the samples.

Letters: B pictures, S pixels of all levels, H heads, D channels a head, Q queries, L levels, P points.
"""

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from .weighted_rows import weighted_rows


@cache
def triton_is_here() -> bool:
    """A torch for CUDA brings it along."""
    return find_spec('triton') is not None


def ms_deform_attn(value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor,
                   attention_weights: Tensor) -> Tensor:
    """Multi-scale deformable attention.

    Args:
        value: ``float[B, S, H, D]``, of any type, such as bfloat16; places are best left in float32.
        spatial_shapes: ``int[L, 2]``, height and width of each level.
        sampling_locations: ``float[B, Q, H, L, P, 2]``, (x, y), 0 and 1 at the picture's edges; outside reads zero.
        attention_weights: ``float[B, Q, H, L, P]``.

    Returns:
        ``float[B, Q, H * D]``, of the value's type.
    """
    if value.is_cuda and value.dtype != torch.float64 and triton_is_here():  # kernels sum in float32
        from .triton_ms_deform_attn import MSDeformAttn
        return MSDeformAttn.apply(value, spatial_shapes, sampling_locations, attention_weights)
    return torch_ms_deform_attn(value, spatial_shapes, sampling_locations, attention_weights)


def torch_ms_deform_attn(value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor,
                         attention_weights: Tensor) -> Tensor:
    """The same in torch alone."""
    batch, pixels, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    heights, widths = spatial_shapes.to(value.device).int().unbind(1)  # int[L]
    starts = torch.cat([heights.new_zeros(1), (heights * widths).cumsum(0, dtype=torch.int32)[:-1]])
    size = torch.stack([widths, heights], 1)[:, None]  # [L, 1, 2]

    position = sampling_locations * size - 0.5  # in pixels, centre of the first pixel at 0
    corner = position.detach().floor()
    further = position - corner
    corner = corner.int()
    pair = torch.stack([corner, corner + 1], -1)  # [B, Q, H, L, P, xy, 2]
    there = pair.clamp_min(0).minimum(size[..., None] - 1)
    columns, rows = there.unbind(-2)
    across, down = (torch.stack([1 - further, further], -1) * (there == pair)).unbind(-2)

    picture = torch.arange(batch, device=value.device, dtype=torch.int32)[:, None, None, None, None, None]
    head = torch.arange(heads, device=value.device, dtype=torch.int32)[:, None, None, None]
    rows = ((picture * pixels + starts[:, None, None]) + rows * widths[:, None, None]) * heads + head
    index = rows[..., None] + (columns * heads)[..., None, :]  # of value[B * S * H, D]
    weight = (attention_weights[..., None] * down)[..., None] * across[..., None, :]
    pixels_read = value.reshape(-1, channels).to(weight.dtype)
    summed = weighted_rows(pixels_read, index.flatten(3).flatten(0, 2), weight.flatten(3).flatten(0, 2))
    return summed.view(batch, queries, heads * channels).to(value.dtype)
