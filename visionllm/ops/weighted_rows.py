"""Weighted sums of rows of a matrix, the core of bilinear sampling.

Dimensions: R rows of C channels, N sums of K rows each.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

MAX_SUMS_PER_CHUNK = 512  # per chunk of the backward pass, so that their rows stay in the CPU cache


class WeightedRows(torch.autograd.Function):
    """``embedding_bag`` with a faster backward pass on CPUs than torch's own."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        """Arguments and result as of ``weighted_rows``: ``float[R, C]`` to ``float[N, C]``."""
        ctx.save_for_backward(rows, index, weight)
        return F.embedding_bag(index, rows.detach(), mode='sum', per_sample_weights=weight.detach())

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        rows, index, weight = ctx.saved_tensors
        sorted_index, order = index.flatten().sort()  # sorted by row, the gradient of rows is an embedding_bag as well
        starts = torch.searchsorted(sorted_index, torch.arange(len(rows), device=index.device, dtype=index.dtype))
        sums = torch.arange(len(index), device=order.device)[:, None].expand(index.shape)
        grad_rows = F.embedding_bag(sums.take(order), grad, starts, mode='sum', per_sample_weights=weight.take(order))
        grad_weight = [(F.embedding(i, rows) * g[:, None]).sum(-1)
                       for i, g in zip(index.split(MAX_SUMS_PER_CHUNK), grad.split(MAX_SUMS_PER_CHUNK))]
        return grad_rows, None, torch.cat(grad_weight)


def weighted_rows(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums of rows.

    Args:
        rows: ``float[R, C]``.
        index: ``int[N, K]``, the rows of each sum.
        weight: ``float[N, K]``.

    Returns:
        ``float[N, C]``.
    """
    return WeightedRows.apply(rows, index, weight)
