"""What the language model reads of instructions and pictures: in one pass where the answers are few tokens, else in
three, of which the first is remembered and the last is for the tuples that matter.

    instruction | image tokens, rest of the instruction, each tuple's image token and <cls> | coordinates of some tuples

Letters: B pictures, M tuples, S tokens that all tuples see, E width of the language model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visionllm.language import Instruction
from visionllm.structures import ImageTokens

from ..fusion import CLASS_BLOCK, class_pass_layout
from ..llms import CausalLM, Prefix, left_padded


@dataclass
class ClassPass:
    """What reading the classes leaves for the coordinates."""
    read: Prefix
    real: Tensor  # bool[B, S]: which of the tokens that every block sees are no padding
    along: Tensor  # float[B, M, q, E]: of coordinates that were read with the classes; q is 0 if they were not
    tokens: ImageTokens | None = None


def read_blocks(llm: CausalLM, instructions: Sequence[Instruction], opening: str, seen: Tensor,
                blocks: Tensor) -> tuple[Tensor, ClassPass]:
    """Instructions, pictures, and blocks that do not see each other.

    Args:
        opening: Text between a picture and its blocks.
        seen: ``float[B, C, E]``, image tokens that all blocks of a picture see.
        blocks: ``float[B, M, 2 + q, E]``: an image token, ``<cls>``, and what else is to be read at once. If there is
            more, an instruction that is neither remembered nor shared is read in the same pass.

    Returns:
        Hidden states ``float[B, M, E]`` of ``<cls>``, and what was read.
    """
    before, after = zip(*[instruction.text.split('<image>') for instruction in instructions])
    prefix, real, unread = llm.begin(before, at_once=blocks.shape[2] > CLASS_BLOCK)
    tails, real_tails, _ = left_padded([llm.embed_text(text + opening)[0] for text in after])
    context = torch.cat([unread, seen, tails], 1)
    real_of_all = torch.cat([real, real.new_ones(seen.shape[:2]), real_tails], 1)
    attention, positions = class_pass_layout(real_of_all, context.shape[1], *blocks.shape[1:3])
    states, grown = llm(torch.cat([context, blocks.flatten(1, 2)], 1), prefix, attention, positions)
    if prefix is None:
        llm.remember(before, grown, real)
    states = states[:, context.shape[1]:].unflatten(1, blocks.shape[1:3])
    return states[:, :, CLASS_BLOCK - 1], ClassPass(grown, real_of_all, states[:, :, CLASS_BLOCK:])
