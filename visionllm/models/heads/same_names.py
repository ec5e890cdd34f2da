"""One answer for an object of which several names of the class set mean the same thing (an addition to the paper).

The scores of an instruction's classes compete, so that of an object that two names fit would be halved.

Dimensions: B images, M image tokens, K named classes.
"""

import logging
from collections.abc import Sequence

from mmengine.logging import print_log
from torch import Tensor

from visionllm.language import Instruction
from visionllm.language.same_names import groups_of_same_names

_told: set[tuple[str, ...]] = set()


def merge_same_names(scores: Tensor, instructions: Sequence[Instruction]) -> Tensor:
    """Scores ``float[B, M, K]`` where of names of one thing the better one has the scores of all, and the others 0.

    That such names are given is said once in the log.
    """
    groups = [(b, group) for b, instruction in enumerate(instructions)
              for group in groups_of_same_names(instruction.class_names)]
    if not groups:
        return scores
    scores = scores.clone()
    for b, group in groups:
        _tell([instructions[b].class_names[k] for k in group])
        own = scores[b, :, group]  # [M, k]
        merged = own.new_zeros(own.shape).scatter(1, own.argmax(1, keepdim=True), own.sum(1, keepdim=True).clamp(max=1))
        scores[b, :, group] = merged
    return scores


def _tell(names: list[str]) -> None:
    if tuple(names) not in _told:
        _told.add(tuple(names))
        print_log(f'{" and ".join(names)} mean nearly the same; each object is given the better name.', 'current',
                  level=logging.WARNING)
