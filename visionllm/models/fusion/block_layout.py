"""Layout of the language model's input behind an instruction: attention blocks and position ids of image and tuples.

    instruction | context | block 0 | block 1 | ... | block M-1        (class pass: block = image token i, <cls>)
                                    | coordinates of selected blocks   (coordinate pass: all at once or one by one)

If the coordinates of all tuples are few, they are part of the blocks and there is no coordinate pass.

The context (all image tokens, and the instruction's text after the image) is causal. A block attends to the
instruction, the context and itself, never to another block, and all blocks have the same position ids: their order has
no meaning. Where the instructions of a batch differ in length, padding precedes the instruction and its text after the
image; it is masked and not counted in position ids.

Dimensions: B sequences, S shared tokens, R of them the context, M blocks, q coordinates per tuple, n selected blocks.
"""

from dataclasses import replace

import torch
from torch import Tensor

from visionllm.ops.block_attention import Blocks

CLASS_BLOCK = 2  # tokens of a block: image token and <cls>
MAX_COORDINATES_IN_CLASS_PASS = dict(cpu=150, cuda=400)  # of all tuples; up to this many cost less than another pass
MAX_TOKENS_PER_PASS = 1200  # of the coordinate pass on a CPU, so that activations stay in the cache


def class_pass_layout(attention_mask: Tensor, context: int, blocks: int,
                      size: int = CLASS_BLOCK) -> tuple[Blocks, Tensor]:
    """Layout of the class pass.

    Args:
        attention_mask: ``bool[B, S]``, mask of the instruction's and the context's tokens, True = real token.
        context: R.
        blocks: M.
        size: Tokens per block: ``CLASS_BLOCK``, plus q if the block contains the coordinates.

    Returns:
        The attention blocks, and position ids ``int[B, R + size M]``.
    """
    counts = attention_mask.cumsum(1)
    block_positions = counts[:, -1:] + torch.arange(size, device=attention_mask.device).repeat(blocks)
    context_positions = (counts[:, attention_mask.shape[1] - context:] - 1).clamp_min(0)
    positions = torch.cat([context_positions, block_positions], 1)
    return Blocks(attention_mask.shape[1], context, size, attention_mask=mask_or_none(attention_mask)), positions


def mask_or_none(attention_mask: Tensor) -> Tensor | None:
    """The mask ``bool[B, S]`` (True = real token), or None if there is no padding."""
    return None if attention_mask.all() else attention_mask


def coordinate_pass_layout(attention_mask: Tensor, selected: Tensor, queries: int) -> tuple[Blocks, Tensor]:
    """Layout of the coordinate pass.

    Args:
        attention_mask: ``bool[B, S]``, mask of the shared tokens, True = real token.
        selected: ``int[B, n]``, the class pass's block of each group of coordinate queries.
        queries: q.

    Returns:
        The attention blocks, and position ids ``int[B, n q]``.
    """
    block_tokens = torch.arange(CLASS_BLOCK, device=selected.device)
    shared = attention_mask.shape[1]
    earlier = shared + CLASS_BLOCK * selected[..., None] + block_tokens
    offsets = CLASS_BLOCK + torch.arange(queries, device=selected.device).repeat(selected.shape[1])
    blocks = Blocks(shared, 0, queries, earlier, mask_or_none(attention_mask))
    return blocks, attention_mask.sum(1, keepdim=True) + offsets


def fits_in_class_pass(tuples: Tensor, queries: int) -> bool:
    """Whether the coordinates of all tuples are decoded in the class pass, before tuples are selected.

    Args:
        tuples: ``float[B, M]``, one value per tuple; only shape and device are used.
        queries: q.
    """
    return tuples.numel() * queries <= MAX_COORDINATES_IN_CLASS_PASS['cuda' if tuples.is_cuda else 'cpu']


def chunk_tuples(selected: Tensor, queries: int) -> tuple[Tensor, ...]:
    """Split selected blocks ``int[B, n]`` into chunks whose coordinates are decoded in one pass; one chunk on a GPU."""
    if selected.is_cuda:
        return (selected, )
    return selected.split(max(1, MAX_TOKENS_PER_PASS // (len(selected) * queries)), 1)


def next_coordinate_layout(attention_mask: Tensor, selected: Tensor, step: int, first: int) -> tuple[Blocks, Tensor]:
    """Layout of one step of autoregressive decoding: coordinate ``step`` of each selected block.

    Args:
        real, selected: As in ``coordinate_pass_layout``.
        step: Number of coordinates of each block that were decoded before.
        first: Index, in the cache, of the first of them; a step's coordinates of all blocks are adjacent.

    Returns:
        The attention blocks, and position ids ``int[B, n]``.
    """
    blocks, positions = coordinate_pass_layout(attention_mask, selected, 1)
    count = selected.shape[1]
    decoded = first + torch.arange(count, device=selected.device)[:, None] + count * torch.arange(
        step, device=selected.device)
    earlier = torch.cat([blocks.earlier, decoded.expand(len(selected), -1, -1)], -1)
    return replace(blocks, earlier=earlier), positions + step
