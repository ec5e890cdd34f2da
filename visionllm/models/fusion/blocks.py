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

from visionllm.ops.block_attention import Blocks

CLASS_BLOCK = 2  # the image token and <cls>


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
