"""How a picture and its tuples are laid out behind an instruction.

    instruction | context | block 0 | block 1 | ... | block M-1        (pass 1: block = image token i, <cls>)
                                    | coordinates of some blocks      (pass 2, all at once or one by one)

Where all coordinates are few tokens they are part of the blocks, and there is no pass 2.

The context (all image tokens, and what the instruction says after the picture) reads causally. A block sees the
instruction, the context and itself, never another block, and all blocks stand at the same position: their order means
nothing. Where the instructions of a batch differ in length, padding stands before the instruction and before what
follows the picture; no token sees it, and no position counts it.

Letters: B sequences, S shared tokens, R of them the context, M blocks, q coordinates a tuple, n selected blocks.
"""

from dataclasses import replace

import torch
from torch import Tensor

from visionllm.ops.block_attention import Blocks

CLASS_BLOCK = 2  # the image token and <cls>
ALONG = dict(cpu=150, cuda=400)  # coordinates of all tuples that cost less, read in pass 1, than a pass of their own
TOKENS_AT_ONCE = 1200  # of pass 2 on a CPU, where larger arrays leave the cache: 9,600 at once take 1.5 times as long


def class_pass_layout(real: Tensor, context: int, blocks: int, size: int = CLASS_BLOCK) -> tuple[Blocks, Tensor]:
    """Pass 1: who sees whom, and positions ``int[B, R + size M]``.

    Args:
        real: ``bool[B, S]``, which of the instruction's and the context's tokens are no padding.
        context: R.
        blocks: M.
        size: Tokens of a block; with more than an image token and ``<cls>``, its coordinates are read along.
    """
    places = real.cumsum(1)
    of_blocks = places[:, -1:] + torch.arange(size, device=real.device).repeat(blocks)
    of_context = (places[:, real.shape[1] - context:] - 1).clamp_min(0)
    return Blocks(real.shape[1], context, size, real=padded(real)), torch.cat([of_context, of_blocks], 1)


def padded(real: Tensor) -> Tensor | None:
    """Which tokens are no padding, if any is."""
    return None if real.all() else real


def coordinate_pass_layout(real: Tensor, selected: Tensor, queries: int) -> tuple[Blocks, Tensor]:
    """Pass 2, the coordinates of selected blocks: who sees whom, and positions ``int[B, n q]``.

    Args:
        real: ``bool[B, S]``, which of the tokens that every block sees are no padding.
        selected: ``int[B, n]``, the block of pass 1 that each group of queries belongs to.
        queries: q.
    """
    step = torch.arange(CLASS_BLOCK, device=selected.device)
    shared = real.shape[1]
    earlier = shared + CLASS_BLOCK * selected[..., None] + step
    places = CLASS_BLOCK + torch.arange(queries, device=selected.device).repeat(selected.shape[1])
    return Blocks(shared, 0, queries, earlier, padded(real)), real.sum(1, keepdim=True) + places


def few_enough(tuples: Tensor, queries: int) -> bool:
    """Whether q coordinates of all tuples ``[B, M]`` are read in pass 1, before it is known which of them matter."""
    return tuples.numel() * queries <= ALONG['cuda' if tuples.is_cuda else 'cpu']


def in_groups(selected: Tensor, queries: int) -> tuple[Tensor, ...]:
    """Selected blocks ``int[B, n]``, in groups whose coordinates are read in one pass; on a GPU all are one."""
    if selected.is_cuda:
        return (selected, )
    return selected.split(max(1, TOKENS_AT_ONCE // (len(selected) * queries)), 1)


def next_coordinate_layout(real: Tensor, selected: Tensor, step: int, first: int) -> tuple[Blocks, Tensor]:
    """Pass 2 one coordinate after the other: as above for the coordinate ``step`` of each selected block, positions
    ``int[B, n]``.

    Args:
        real, selected: As in ``coordinate_pass_layout``.
        step: So many coordinates of each block were read before.
        first: Place of the first of them among all tokens read; the first of all blocks come first.
    """
    blocks, positions = coordinate_pass_layout(real, selected, 1)
    count = selected.shape[1]
    before = first + torch.arange(count, device=selected.device)[:, None] + count * torch.arange(
        step, device=selected.device)
    earlier = torch.cat([blocks.earlier, before.expand(len(selected), -1, -1)], -1)
    return replace(blocks, earlier=earlier), positions + step
