"""How a picture and its tuples are laid out behind an instruction.

    instruction | context | block 0 | block 1 | ... | block M-1        (pass 1: block = image token i, <cls>)
                                    | coordinates of some blocks      (pass 2)

The context (all image tokens, and what the instruction says after the picture) reads causally. A block sees the
instruction, the context and itself, never another block, and all blocks stand at the same position: their order means
nothing.

Letters: S tokens of the instruction, R of the context, M blocks, q coordinates a tuple, n selected blocks.
"""

import torch
from torch import Tensor

CLASS_BLOCK = 2  # the image token and <cls>


def class_pass_layout(prefix: int, context: int, blocks: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Attention and positions of pass 1.

    Returns:
        ``bool[T, S + T]`` and ``int[T]`` with ``T = R + 2 M``.
    """
    length = context + CLASS_BLOCK * blocks
    block = torch.ones(CLASS_BLOCK, CLASS_BLOCK, dtype=torch.bool, device=device).tril()
    own = torch.zeros(length, length, dtype=torch.bool, device=device)
    own[:context, :context] = torch.ones(context, context, dtype=torch.bool, device=device).tril()
    own[context:, :context] = True
    own[context:, context:] = torch.block_diag(*[block] * blocks)
    seen = torch.ones(length, prefix, dtype=torch.bool, device=device)
    places = torch.cat([torch.arange(context, device=device),
                        context + torch.arange(CLASS_BLOCK, device=device).repeat(blocks)])
    return torch.cat([seen, own], 1), prefix + places


def coordinate_pass_layout(shared: int, blocks: int, selected: Tensor, queries: int) -> tuple[Tensor, Tensor]:
    """Attention and positions of pass 2: the coordinates of selected blocks, after pass 1.

    Args:
        shared: S + R, what every block sees.
        selected: ``int[B, n]``, the block that each group of queries belongs to.
        queries: q.

    Returns:
        ``bool[B, n q, S + T + n q]`` and ``int[n q]``.
    """
    batch, count = selected.shape
    device = selected.device
    before = torch.zeros(batch, count, shared + CLASS_BLOCK * blocks, dtype=torch.bool, device=device)
    before[:, :, :shared] = True
    first = shared + CLASS_BLOCK * selected  # [B, n]
    for step in range(CLASS_BLOCK):
        before.scatter_(2, (first + step)[..., None], True)
    block = torch.ones(queries, queries, dtype=torch.bool, device=device).tril()
    own = torch.block_diag(*[block] * count).expand(batch, -1, -1)
    attention = torch.cat([before.repeat_interleave(queries, 1), own], 2)
    positions = shared + CLASS_BLOCK + torch.arange(queries, device=device).repeat(count)
    return attention, positions
