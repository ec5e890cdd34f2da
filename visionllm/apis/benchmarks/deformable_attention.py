"""Multi-scale deformable attention of an encoder on a COCO-sized image, compared to mmcv's PyTorch implementation.

Dimensions: S pixels of all levels, h heads, c channels per head, L levels, P points per level.
"""

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
HEADS, CHANNELS, POINTS = 8, 32, 4  # channels per head, points per level
OFFSET_STD = 2  # pixels


class DeformableAttentionBenchmark:
    """Each pixel of four levels attends to points around it in all levels.

    Args:
        device: Of the tensors.
        size: Height and width of the image in pixels.
    """

    def __init__(self, device: str = 'cpu', size: tuple[int, int] = (800, 1333)):
        shapes = torch.tensor([[math.ceil(side / stride) for side in size] for stride in STRIDES])
        centers = torch.cat([torch.cartesian_prod((torch.arange(height) + 0.5) / height,
                                                  (torch.arange(width) + 0.5) / width).flip(-1)
                             for height, width in shapes.tolist()])  # [S, 2], (x, y)
        offsets = torch.randn(len(centers), HEADS, len(STRIDES), POINTS, 2)
        locations = centers[:, None, None, None] + OFFSET_STD * offsets / shapes.flip(-1)[:, None]
        weights = torch.rand(offsets.shape[:-1]).flatten(2).softmax(-1).view(offsets.shape[:-1])
        inputs = torch.randn(len(centers), HEADS, CHANNELS), locations, weights
        self.shapes = shapes.to(device)
        self.inputs = [each[None].to(device).requires_grad_() for each in inputs]
        self.grad = torch.randn(1, len(centers), HEADS * CHANNELS, device=device)

    def forward(self, attend: Callable[..., Tensor]) -> Tensor:
        """The output ``float[1, S, h c]`` of an implementation."""
        value, locations, weights = self.inputs
        return attend(value, self.shapes, locations, weights)

    def backward(self, output: Tensor) -> tuple[Tensor, ...]:
        """The gradients of an output ``float[1, S, h c]``: of values ``float[1, S, h, c]``, locations
        ``float[1, S, h, L, P, 2]`` and weights ``float[1, S, h, L, P]``."""
        return torch.autograd.grad(output, self.inputs, self.grad, retain_graph=True)


def deformable_attention_suite(benchmark: DeformableAttentionBenchmark) -> Suite:
    """Forward and backward passes of ours and mmcv's; on a GPU, where ours is a Triton kernel, also of our PyTorch
    implementation."""
    references = dict(mmcv=multi_scale_deformable_attn_pytorch)
    if benchmark.grad.is_cuda:
        references['torch'] = torch_ms_deform_attn
    rows, ratios = {}, {}
    for name, attend in dict(ours=ms_deform_attn, **references).items():
        rows[f'deformable attention forward, {name}'] = partial(benchmark.forward, attend)
        rows[f'deformable attention backward, {name}'] = partial(benchmark.backward, benchmark.forward(attend))
    for direction in ('forward', 'backward'):
        for name in references:
            ratios[f'deformable attention {direction}, {name} / ours'] = (
                f'deformable attention {direction}, {name}', f'deformable attention {direction}, ours', 1)
    return Suite(rows, ratios)
