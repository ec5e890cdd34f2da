"""What deformable attention costs in an encoder at the size of a picture of COCO, beside mmcv's in torch."""

import math
from collections.abc import Callable
from functools import partial

import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch
from torch import Tensor

from visionllm.ops import ms_deform_attn
from visionllm.ops.ms_deform_attn import torch_ms_deform_attn

from .timing import Suite

STRIDES = (8, 16, 32, 64)
HEADS, CHANNELS, POINTS = 8, 32, 4  # channels of a head


class Deformable:
    """Each pixel of four scales looks around itself in all of them, a few pixels far.

    Args:
        device: Where.
        size: Height and width of the picture.
    """

    def __init__(self, device: str = 'cpu', size: tuple[int, int] = (800, 1333)):
        shapes = torch.tensor([[math.ceil(side / stride) for side in size] for stride in STRIDES])
        centres = torch.cat([torch.cartesian_prod((torch.arange(height) + 0.5) / height,
                                                  (torch.arange(width) + 0.5) / width).flip(-1)
                             for height, width in shapes.tolist()])  # [S, 2], (x, y)
        around = 2 * torch.randn(len(centres), HEADS, len(STRIDES), POINTS, 2) / shapes.flip(-1)[:, None]
        weights = torch.rand(around.shape[:-1]).flatten(2).softmax(-1).view(around.shape[:-1])
        inputs = torch.randn(len(centres), HEADS, CHANNELS), centres[:, None, None, None] + around, weights
        self.shapes = shapes.to(device)
        self.inputs = [each[None].to(device).requires_grad_() for each in inputs]
        self.grad = torch.randn(1, len(centres), HEADS * CHANNELS, device=device)

    def forward(self, attend: Callable[..., Tensor]) -> Tensor:
        """The output, by one way or another."""
        value, places, weights = self.inputs
        return attend(value, self.shapes, places, weights)

    def backward(self, output: Tensor) -> tuple[Tensor, ...]:
        """The gradients of value, places and weights."""
        return torch.autograd.grad(output, self.inputs, self.grad, retain_graph=True)


def deformable_suite(deformable: Deformable) -> Suite:
    """Forward and backward, beside mmcv's in torch; on a GPU, where ours are kernels, beside our own in torch too."""
    peers = dict(mmcv=multi_scale_deformable_attn_pytorch)
    if deformable.grad.is_cuda:
        peers['torch'] = torch_ms_deform_attn
    rows, ratios = {}, {}
    for name, attend in dict(ours=ms_deform_attn, **peers).items():
        rows[f'deformable attention forward, {name}'] = partial(deformable.forward, attend)
        rows[f'deformable attention backward, {name}'] = partial(deformable.backward, deformable.forward(attend))
    for way in ('forward', 'backward'):
        for peer in peers:
            ratios[f'deformable attention {way}, {peer} / ours'] = (
                f'deformable attention {way}, {peer}', f'deformable attention {way}, ours', 1)
    return Suite(rows, ratios)
