"""How a picture and its tuples are laid out behind an instruction.

    instruction | context | block 0 | block 1 | ... | block M-1        (pass 1: block = image token i, <cls>)
                                    | coordinates of some blocks      (pass 2, all at once or one by one)

The context (all image tokens, and what the instruction says after the picture) reads causally. A block sees the
instruction, the context and itself, never another block, and all blocks stand at the same position: their order means
nothing.

Letters: S tokens of the instruction, R of the context, M blocks, q coordinates a tuple, n selected blocks.
"""

from dataclasses import replace

import torch
from torch import Tensor

from visionllm.ops.block_attention import Blocks

CLASS_BLOCK = 2  # the image token and <cls>
TOKENS_AT_ONCE = 1200  # of pass 2 on a CPU, where larger arrays leave the cache: 9,600 at once take 1.5 times as long


def class_pass_layout(prefix: int, context: int, blocks: int, device: torch.device) -> tuple[Blocks, Tensor]:
    """Pass 1: who sees whom, and positions ``int[R + 2 M]``."""
    places = torch.cat([torch.arange(context, device=device),
                        context + torch.arange(CLASS_BLOCK, device=device).repeat(blocks)])
    return Blocks(shared=prefix + context, context=context, size=CLASS_BLOCK), prefix + places


def coordinate_pass_layout(shared: int, selected: Tensor, queries: int) -> tuple[Blocks, Tensor]:
    """Pass 2, the coordinates of selected blocks: who sees whom, and positions ``int[n q]``.

    Args:
        shared: S + R, what every block sees.
        selected: ``int[B, n]``, the block of pass 1 that each group of queries belongs to.
        queries: q.
    """
    step = torch.arange(CLASS_BLOCK, device=selected.device)
    earlier = shared + CLASS_BLOCK * selected[..., None] + step
    positions = shared + CLASS_BLOCK + torch.arange(queries, device=selected.device).repeat(selected.shape[1])
    return Blocks(shared=shared, context=0, size=queries, earlier=earlier), positions


def in_groups(selected: Tensor, queries: int) -> tuple[Tensor, ...]:
    """Selected blocks ``int[B, n]``, in groups whose coordinates are read in one pass; on a GPU all are one."""
    if selected.is_cuda:
        return (selected, )
    return selected.split(max(1, TOKENS_AT_ONCE // (len(selected) * queries)), 1)


def next_coordinate_layout(shared: int, selected: Tensor, step: int, first: int) -> tuple[Blocks, Tensor]:
    """Pass 2 one coordinate after the other: as above for the coordinate ``step`` of each selected block, positions
    ``int[n]``.

    Args:
        shared, selected: As in ``coordinate_pass_layout``.
        step: So many coordinates of each block were read before.
        first: Place of the first of them among all tokens read; the first of all blocks come first.
    """
    blocks, positions = coordinate_pass_layout(shared, selected, 1)
    count = selected.shape[1]
    before = first + torch.arange(count, device=selected.device)[:, None] + count * torch.arange(
        step, device=selected.device)
    earlier = torch.cat([blocks.earlier, before.expand(len(selected), -1, -1)], -1)
    return replace(blocks, earlier=earlier), positions + step
