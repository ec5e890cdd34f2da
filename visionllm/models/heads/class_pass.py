"""The forward pass that reads instructions, image tokens and class queries.

    instruction | image tokens, rest of the instruction, blocks of (image token, <cls>) | coordinates of some tuples

The first part is cached across images (``CausalLM.encode_prefix``), the last is a pass of its own unless the
coordinates of all tuples are few; then they are part of the blocks.

Dimensions: B images, M tuples, S shared tokens that all tuples see, q coordinates, E width of the language model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visionllm.language import Instruction
from visionllm.structures import ImageTokens

from ..fusion import CLASS_BLOCK, class_pass_layout
from ..llms import CausalLM, Prefix, left_pad


@dataclass
class ClassPassOutput:
    """What the class pass leaves for the coordinates."""
    prefix: Prefix
    shared_mask: Tensor  # bool[B, S]: which of the shared tokens are no padding
    coordinate_states: Tensor  # float[B, M, q, E] of coordinates that were part of the blocks; else q = 0
    tokens: ImageTokens | None = None
    embeddings: Tensor | None = None  # float[B, M, E] of the image tokens, where they were looked up themselves

    def select(self, rows: Tensor) -> 'ClassPassOutput':
        """Of the sequences with indices ``int[B']``."""
        return ClassPassOutput(self.prefix.select(rows), self.shared_mask[rows], self.coordinate_states[rows])


def run_class_pass(llm: CausalLM, instructions: Sequence[Instruction], opening: str, context: Tensor,
                   blocks: Tensor) -> tuple[Tensor, ClassPassOutput]:
    """Run the language model over instructions, images, and blocks that do not see one another.

    Args:
        opening: Text between an image and its blocks.
        context: ``float[B, C, E]``, C image tokens that all blocks of an image see.
        blocks: ``float[B, M, 2 + q, E]``: image token, ``<cls>`` and coordinate queries. With q > 0 an instruction
            that is neither cached nor shared is read in the same pass.

    Returns:
        Hidden states ``float[B, M, E]`` of ``<cls>``, and the output for the coordinates.
    """
    before, after = zip(*[instruction.text.split('<image>') for instruction in instructions])
    prefix, mask, unread = llm.start_prefix(before, embed_new=blocks.shape[2] > CLASS_BLOCK)
    suffix, suffix_mask, _ = left_pad([llm.embed_text(text + opening)[0] for text in after])
    shared = torch.cat([unread, context, suffix], 1)
    shared_mask = torch.cat([mask, mask.new_ones(context.shape[:2]), suffix_mask], 1)
    attention, positions = class_pass_layout(shared_mask, shared.shape[1], *blocks.shape[1:3])
    states, grown = llm(torch.cat([shared, blocks.flatten(1, 2)], 1), prefix, attention, positions)
    if prefix is None:
        llm.cache_prefix(before, grown, mask)
    states = states[:, shared.shape[1]:].unflatten(1, blocks.shape[1:3])
    return states[:, :, CLASS_BLOCK - 1], ClassPassOutput(grown, shared_mask, states[:, :, CLASS_BLOCK:])
