"""Deformable convolution v3 (InternImage, Wang et al., CVPR 2023, section 3.1): the core of its backbones.

A group of channels looks at the K x K places of a convolution, each moved by an offset, and sums what it finds by
weights of its own: multi-scale deformable attention with one scale, whose queries are the pixels of the output.
"""

import torch
from torch import Tensor

from .ms_deform_attn import ms_deform_attn


def dcnv3(value: Tensor, offset: Tensor, mask: Tensor, groups: int, kernel_size: int = 3, stride: int = 1,
          padding: int = 1, dilation: int = 1, offset_scale: float = 1.0) -> Tensor:
    """Deformable convolution v3.

    Letters: B pictures of H x W, output H' x W', G groups of D channels, K the kernel's size.

    Args:
        value: ``float[B, H, W, G D]``.
        offset: ``float[B, H', W', G K K 2]``, (x, y) in pixels, of the kernel's places column by column.
        mask: ``float[B, H', W', G K K]``, the weights.
        groups, kernel_size, stride, padding, dilation: As of a convolution; padding is with zeros.
        offset_scale: Offsets and the kernel's own places are multiplied by it.

    Returns:
        ``float[B, H', W', G D]``.
    """
    height, width = value.shape[1:3]
    rows, columns = offset.shape[1:3]
    exact = torch.promote_types(offset.dtype, torch.float32)  # bfloat16 has no pixel 257
    reach = dilation * (kernel_size - 1) // 2
    place = torch.linspace(-reach, reach, kernel_size, device=value.device, dtype=exact)
    kernel = torch.cartesian_prod(place, place)  # (x, y), x slowly
    y, x = (reach + 0.5 - padding + stride * torch.arange(count, device=value.device, dtype=exact)
            for count in (rows, columns))  # centres of the kernel, from the picture's edge
    centres = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], -1).flatten(0, 1)  # [Q, 2]
    offset = offset.flatten(1, 2).unflatten(-1, (groups, 1, -1, 2))  # [B, Q, G, 1, K K, 2]
    places = (centres[:, None, None, None] + offset_scale * (kernel + offset)) / centres.new_tensor([width, height])
    weights = mask.flatten(1, 2).unflatten(-1, (groups, 1, -1))
    shape = torch.tensor([[height, width]], device=value.device)
    read = ms_deform_attn(value.flatten(1, 2).unflatten(-1, (groups, -1)), shape, places, weights)
    return read.unflatten(1, (rows, columns))
