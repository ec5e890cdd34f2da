"""Multi-scale deformable attention as Triton kernels, forward and backward, for GPUs.

A program processes one head and a block of neighbouring queries, which sample neighbouring pixels and so share the
cache. Channels are spread over its threads. Sums are accumulated in float32, whatever the types of the inputs.

Dimensions: B images, S pixels of all levels, H heads, D channels per head, Q queries, L levels, P points.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

SIZES = ('queries', 'pixels', 'heads', 'levels', 'points')  # not specialized: one compiled kernel for all values
TILE = 1024  # queries x channels of a program: 8 elements per thread
MAX_BLOCK_QUERIES = 64  # per program; below the number of threads, so that loads of locations need no synchronization


@triton.jit
def block(queries, heads, BLOCK: tl.constexpr):
    """Queries of this program: a mask of those in range, and their flat indices in ``[B, Q, H]``; ``[BLOCK]`` each."""
    query = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    index = (tl.program_id(2).to(tl.int64) * queries + query) * heads + tl.program_id(1)
    return query < queries, index


@triton.jit
def load_sample(locations, weights, index, mask, height, width):
    """One sampling point of each query, ``[BLOCK]`` each: its weight, column and row of the pixel to its upper left,
    and the fractions of a pixel from there to the point in x and y."""
    weight = tl.load(weights + index, mask=mask, other=0.0).to(tl.float32)
    x = tl.load(locations + 2 * index, mask=mask, other=0.0).to(tl.float32) * width - 0.5
    y = tl.load(locations + 2 * index + 1, mask=mask, other=0.0).to(tl.float32) * height - 0.5
    column, row = tl.floor(x), tl.floor(y)
    return weight, column.to(tl.int32), row.to(tl.int32), x - column, y - row


@triton.jit
def pixel(column, row, mask, first, height, width, heads, head, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Flat indices of one pixel per query in a value ``[S, H, D]``, and a mask of those inside the feature map:
    ``[queries, channels]`` each."""
    channel = tl.arange(0, BLOCK)
    is_inside = mask & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    start = ((first + row * width + column).to(tl.int64) * heads + head) * CHANNELS
    return start[:, None] + channel, is_inside[:, None] & (channel < CHANNELS)


@triton.jit(do_not_specialize=SIZES)
def forward_kernel(value, shapes, locations, weights, output, queries, pixels, heads, levels, points,
                   CHANNELS: tl.constexpr, BLOCK_QUERIES: tl.constexpr, BLOCK_CHANNELS: tl.constexpr):
    """Write ``output`` ``[B, Q, H, D]``. Arguments as of ``ms_deform_attn``, contiguous."""
    head = tl.program_id(1)
    mask, query = block(queries, heads, BLOCK_QUERIES)
    value += tl.program_id(2).to(tl.int64) * pixels * heads * CHANNELS
    total = tl.zeros([BLOCK_QUERIES, BLOCK_CHANNELS], tl.float32)
    level_start = 0
    for level in range(levels):
        height, width = tl.load(shapes + 2 * level).to(tl.int32), tl.load(shapes + 2 * level + 1).to(tl.int32)
        for point in range(points):
            sample = (query * levels + level) * points + point
            weight, column, row, fraction_x, fraction_y = load_sample(locations, weights, sample, mask, height, width)
            for dy in tl.static_range(2):
                for dx in tl.static_range(2):
                    bilinear = (fraction_x if dx else 1 - fraction_x) * (fraction_y if dy else 1 - fraction_y)
                    index, pixel_mask = pixel(column + dx, row + dy, mask, level_start, height, width, heads, head,
                                              CHANNELS, BLOCK_CHANNELS)
                    pixel_value = tl.load(value + index, mask=pixel_mask, other=0.0).to(tl.float32)
                    total += (weight * bilinear)[:, None] * pixel_value
        level_start += height * width
    channel = tl.arange(0, BLOCK_CHANNELS)
    tl.store(output + query[:, None] * CHANNELS + channel, total, mask=mask[:, None] & (channel < CHANNELS))


@triton.jit(do_not_specialize=SIZES)
def backward_kernel(value, shapes, locations, weights, grad, grad_value, grad_locations, grad_weights,
                    queries, pixels, heads, levels, points,
                    CHANNELS: tl.constexpr, BLOCK_QUERIES: tl.constexpr, BLOCK_CHANNELS: tl.constexpr):
    """Write the gradients of locations and weights, and add that of the value to ``grad_value``. Arguments as of
    ``ms_deform_attn``, contiguous; ``grad`` ``[B, Q, H, D]`` is the gradient of the output."""
    head = tl.program_id(1)
    mask, query = block(queries, heads, BLOCK_QUERIES)
    image_start = tl.program_id(2).to(tl.int64) * pixels * heads * CHANNELS
    value += image_start
    grad_value += image_start
    channel = tl.arange(0, BLOCK_CHANNELS)
    grad_output = tl.load(grad + query[:, None] * CHANNELS + channel, mask=mask[:, None] & (channel < CHANNELS),
                          other=0.0).to(tl.float32)
    level_start = 0
    for level in range(levels):
        height, width = tl.load(shapes + 2 * level).to(tl.int32), tl.load(shapes + 2 * level + 1).to(tl.int32)
        for point in range(points):
            sample = (query * levels + level) * points + point
            weight, column, row, fraction_x, fraction_y = load_sample(locations, weights, sample, mask, height, width)
            grad_weight, grad_x, grad_y = tl.zeros_like(weight), tl.zeros_like(weight), tl.zeros_like(weight)
            for dy in tl.static_range(2):
                for dx in tl.static_range(2):
                    weight_x, weight_y = fraction_x if dx else 1 - fraction_x, fraction_y if dy else 1 - fraction_y
                    index, pixel_mask = pixel(column + dx, row + dy, mask, level_start, height, width, heads, head,
                                              CHANNELS, BLOCK_CHANNELS)
                    pixel_value = tl.load(value + index, mask=pixel_mask, other=0.0).to(tl.float32)
                    tl.atomic_add(grad_value + index, (weight * weight_x * weight_y)[:, None] * grad_output,
                                  mask=pixel_mask, sem='relaxed')
                    dot = tl.sum(grad_output * pixel_value, 1)
                    grad_weight += weight_x * weight_y * dot
                    grad_x += weight_y * dot if dx else -weight_y * dot
                    grad_y += weight_x * dot if dy else -weight_x * dot
            tl.store(grad_weights + sample, grad_weight, mask=mask)
            tl.store(grad_locations + 2 * sample, weight * width * grad_x, mask=mask)
            tl.store(grad_locations + 2 * sample + 1, weight * height * grad_y, mask=mask)
        level_start += height * width


def launch(kernel: triton.JITFunction, value: Tensor, spatial_shapes: Tensor, locations: Tensor, weights: Tensor,
           *others: Tensor) -> None:
    """Launch a kernel over all queries.

    Args:
        kernel: The forward or backward kernel.
        value: ``float[B, S, H, D]``, contiguous as all tensors.
        spatial_shapes: ``int[L, 2]``.
        locations: ``float[B, Q, H, L, P, 2]``.
        weights: ``float[B, Q, H, L, P]``.
        *others: The kernel's other tensors: output, or gradients.
    """
    batch, pixels, heads, channels = value.shape
    queries, _, levels, points = locations.shape[1:5]
    block_channels = triton.next_power_of_2(channels)
    block_queries = max(1, min(MAX_BLOCK_QUERIES, TILE // block_channels))
    with torch.cuda.device_of(value):  # Triton launches on the current device, wherever the tensors are
        kernel[triton.cdiv(queries, block_queries), heads, batch](
            value, spatial_shapes, locations, weights, *others, queries, pixels, heads, levels, points,
            channels, block_queries, block_channels)


class MSDeformAttn(torch.autograd.Function):
    """``ms_deform_attn`` by the Triton kernels."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor, spatial_shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        """Arguments and result as of ``ms_deform_attn``: ``float[B, S, H, D]`` to ``float[B, Q, H * D]``."""
        inputs = [each.contiguous() for each in (value, spatial_shapes.to(value.device), locations, weights)]
        ctx.save_for_backward(*inputs)
        batch, _, heads, channels = value.shape
        output = value.new_empty(batch, locations.shape[1], heads * channels)
        launch(forward_kernel, *inputs, output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        value, spatial_shapes, locations, weights = ctx.saved_tensors
        grad_value = torch.zeros_like(value, dtype=torch.float32)  # sums over many samples overflow bfloat16's mantissa
        grad_locations, grad_weights = torch.empty_like(locations), torch.empty_like(weights)
        launch(backward_kernel, *ctx.saved_tensors, grad.contiguous(), grad_value, grad_locations, grad_weights)
        return grad_value.to(value.dtype), None, grad_locations, grad_weights
