"""Deformable convolution v3 (InternImage, Wang et al., CVPR 2023, section 3.1), the core operator of its backbones.

A group of channels samples the K x K locations of a convolution kernel, each shifted by an offset, and sums the samples
by modulation weights: multi-scale deformable attention with one level, whose queries are the output pixels.

Dimensions: B images of H x W pixels, output of H' x W' = Q pixels, G groups of D channels, kernel size K.
"""

import torch
from torch import Tensor

from .ms_deform_attn import ms_deform_attn


def dcnv3(value: Tensor, offset: Tensor, mask: Tensor, groups: int, kernel_size: int = 3, stride: int = 1,
          padding: int = 1, dilation: int = 1, offset_scale: float = 1.0) -> Tensor:
    """Deformable convolution v3.

    Args:
        value: ``float[B, H, W, G D]``.
        offset: ``float[B, H', W', G K K 2]``, (x, y) in pixels; kernel locations in column-major order.
        mask: ``float[B, H', W', G K K]``, modulation weights.
        groups, kernel_size, stride, padding, dilation: As in a convolution, with zero padding.
        offset_scale: Factor of the offsets and of the kernel's own locations.

    Returns:
        ``float[B, H', W', G D]``.
    """
    height, width = value.shape[1:3]
    rows, columns = offset.shape[1:3]
    dtype = torch.promote_types(offset.dtype, torch.float32)  # bfloat16 cannot represent pixel 257
    radius = dilation * (kernel_size - 1) // 2
    steps = torch.linspace(-radius, radius, kernel_size, device=value.device, dtype=dtype)
    kernel = torch.cartesian_prod(steps, steps)  # (x, y), y varies fastest
    y, x = (radius + 0.5 - padding + stride * torch.arange(count, device=value.device, dtype=dtype)
            for count in (rows, columns))  # kernel centers in pixels from the image's top left corner
    centers = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], -1).flatten(0, 1)  # [Q, 2]
    offset = offset.flatten(1, 2).unflatten(-1, (groups, 1, -1, 2))  # [B, Q, G, 1, K K, 2]
    locations = (centers[:, None, None, None] + offset_scale * (kernel + offset)) / centers.new_tensor([width, height])
    weights = mask.flatten(1, 2).unflatten(-1, (groups, 1, -1))
    shape = torch.tensor([[height, width]], device=value.device)
    output = ms_deform_attn(value.flatten(1, 2).unflatten(-1, (groups, -1)), shape, locations, weights)
    return output.unflatten(1, (rows, columns))
