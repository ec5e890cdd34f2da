"""Multi-scale deformable attention as Triton kernels, one for each way: what ``ms_deform_attn`` says, on a GPU.

A program serves one head and some neighbouring queries: they read neighbouring pixels, so one finds in the cache what
another has fetched. Channels lie across its threads. Everything is summed in float32, whatever the types of the inputs.

Letters: B pictures, S pixels of all levels, H heads, D channels a head, Q queries, L levels, P points.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

SIZES = ('queries', 'pixels', 'heads', 'levels', 'points')  # one compiled kernel serves them all
TILE = 1024  # queries x channels of a program: 8 numbers a thread
MOST_QUERIES = 64  # fewer than threads: then each thread loads what it must know of a query, none waits for another


@triton.jit
def block(queries, heads, BLOCK: tl.constexpr):
    """The queries of this program: which are real, and where in [B, Q, H] they are."""
    query = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    place = (tl.program_id(2).to(tl.int64) * queries + query) * heads + tl.program_id(1)
    return query < queries, place


@triton.jit
def look(locations, weights, place, real, height, width):
    """One point of each query: its weight, the pixel up and left of it, and how far to the right and down it is."""
    weight = tl.load(weights + place, mask=real, other=0.0).to(tl.float32)
    x = tl.load(locations + 2 * place, mask=real, other=0.0).to(tl.float32) * width - 0.5
    y = tl.load(locations + 2 * place + 1, mask=real, other=0.0).to(tl.float32) * height - 0.5
    column, row = tl.floor(x), tl.floor(y)
    return weight, column.to(tl.int32), row.to(tl.int32), x - column, y - row


@triton.jit
def pixel(column, row, real, first, height, width, heads, head, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Where in a value [S, H, D] a pixel of each query is, and whether it is in the picture: [queries, channels]."""
    channel = tl.arange(0, BLOCK)
    inside = real & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    start = ((first + row * width + column).to(tl.int64) * heads + head) * CHANNELS
    return start[:, None] + channel, inside[:, None] & (channel < CHANNELS)


@triton.jit(do_not_specialize=SIZES)
def forward_kernel(value, shapes, locations, weights, output, queries, pixels, heads, levels, points,
                   CHANNELS: tl.constexpr, BLOCK_QUERIES: tl.constexpr, BLOCK_CHANNELS: tl.constexpr):
    """Arguments as of ``ms_deform_attn``, contiguous; writes the output ``[B, Q, H, D]``."""
    head = tl.program_id(1)
    real, place = block(queries, heads, BLOCK_QUERIES)
    value += tl.program_id(2).to(tl.int64) * pixels * heads * CHANNELS
    total = tl.zeros([BLOCK_QUERIES, BLOCK_CHANNELS], tl.float32)
    first = 0
    for level in range(levels):
        height, width = tl.load(shapes + 2 * level).to(tl.int32), tl.load(shapes + 2 * level + 1).to(tl.int32)
        for point in range(points):
            at = (place * levels + level) * points + point
            weight, column, row, right, low = look(locations, weights, at, real, height, width)
            for down in tl.static_range(2):
                for across in tl.static_range(2):
                    share = (right if across else 1 - right) * (low if down else 1 - low)
                    where, inside = pixel(column + across, row + down, real, first, height, width, heads, head,
                                          CHANNELS, BLOCK_CHANNELS)
                    read = tl.load(value + where, mask=inside, other=0.0).to(tl.float32)
                    total += (weight * share)[:, None] * read
        first += height * width
    channel = tl.arange(0, BLOCK_CHANNELS)
    tl.store(output + place[:, None] * CHANNELS + channel, total, mask=real[:, None] & (channel < CHANNELS))


@triton.jit(do_not_specialize=SIZES)
def backward_kernel(value, shapes, locations, weights, grad, grad_value, grad_locations, grad_weights,
                    queries, pixels, heads, levels, points,
                    CHANNELS: tl.constexpr, BLOCK_QUERIES: tl.constexpr, BLOCK_CHANNELS: tl.constexpr):
    """Arguments as of ``ms_deform_attn``, contiguous; ``grad`` is of the output. Writes the gradients of locations and
    weights, and adds that of the value to ``grad_value``."""
    head = tl.program_id(1)
    real, place = block(queries, heads, BLOCK_QUERIES)
    before = tl.program_id(2).to(tl.int64) * pixels * heads * CHANNELS
    value += before
    grad_value += before
    channel = tl.arange(0, BLOCK_CHANNELS)
    asked = tl.load(grad + place[:, None] * CHANNELS + channel, mask=real[:, None] & (channel < CHANNELS),
                    other=0.0).to(tl.float32)
    first = 0
    for level in range(levels):
        height, width = tl.load(shapes + 2 * level).to(tl.int32), tl.load(shapes + 2 * level + 1).to(tl.int32)
        for point in range(points):
            at = (place * levels + level) * points + point
            weight, column, row, right, low = look(locations, weights, at, real, height, width)
            grad_weight, grad_x, grad_y = tl.zeros_like(weight), tl.zeros_like(weight), tl.zeros_like(weight)
            for down in tl.static_range(2):
                for across in tl.static_range(2):
                    share_x, share_y = right if across else 1 - right, low if down else 1 - low
                    where, inside = pixel(column + across, row + down, real, first, height, width, heads, head,
                                          CHANNELS, BLOCK_CHANNELS)
                    read = tl.load(value + where, mask=inside, other=0.0).to(tl.float32)
                    tl.atomic_add(grad_value + where, (weight * share_x * share_y)[:, None] * asked, mask=inside,
                                  sem='relaxed')
                    agreed = tl.sum(asked * read, 1)
                    grad_weight += share_x * share_y * agreed
                    grad_x += share_y * agreed if across else -share_y * agreed
                    grad_y += share_x * agreed if down else -share_x * agreed
            tl.store(grad_weights + at, grad_weight, mask=real)
            tl.store(grad_locations + 2 * at, weight * width * grad_x, mask=real)
            tl.store(grad_locations + 2 * at + 1, weight * height * grad_y, mask=real)
        first += height * width


def launch(kernel: triton.JITFunction, value: Tensor, spatial_shapes: Tensor, locations: Tensor, weights: Tensor,
           *others: Tensor) -> None:
    """Run a kernel over all queries; ``others`` are what it reads and writes besides. All are contiguous."""
    batch, pixels, heads, channels = value.shape
    queries, _, levels, points = locations.shape[1:5]
    block_channels = triton.next_power_of_2(channels)
    block_queries = max(1, min(MOST_QUERIES, TILE // block_channels))
    with torch.cuda.device_of(value):  # Triton launches on the current device, wherever the tensors are
        kernel[triton.cdiv(queries, block_queries), heads, batch](
            value, spatial_shapes, locations, weights, *others, queries, pixels, heads, levels, points,
            channels, block_queries, block_channels)


class MSDeformAttn(torch.autograd.Function):
    """Arguments and result are those of ``ms_deform_attn``."""

    @staticmethod
    def forward(ctx, value: Tensor, spatial_shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        inputs = [each.contiguous() for each in (value, spatial_shapes.to(value.device), locations, weights)]
        ctx.save_for_backward(*inputs)
        batch, _, heads, channels = value.shape
        output = value.new_empty(batch, locations.shape[1], heads * channels)
        launch(forward_kernel, *inputs, output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        value, spatial_shapes, locations, weights = ctx.saved_tensors
        grad_value = torch.zeros_like(value, dtype=torch.float32)  # many add to one pixel: bfloat16 would lose most
        grad_locations, grad_weights = torch.empty_like(locations), torch.empty_like(weights)
        launch(backward_kernel, *ctx.saved_tensors, grad.contiguous(), grad_value, grad_locations, grad_weights)
        return grad_value.to(value.dtype), None, grad_locations, grad_weights
