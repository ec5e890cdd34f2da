"""One answer for an object of which several names of the class set mean the same thing (an addition to the paper).

The scores of an instruction's classes compete, so that of an object that two names fit would be halved.

Dimensions: B images, M image tokens, K named classes.
"""

import logging
from collections.abc import Sequence

import torch
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
    canonical = torch.arange(scores.shape[-1], device=scores.device).repeat(len(scores), 1)
    for b, group in groups:
        _tell([instructions[b].class_names[k] for k in group])
        canonical[b, group] = group[0]
    return keep_better_names(scores, canonical)


def keep_better_names(scores: Tensor, canonical: Tensor) -> Tensor:
    """Scores ``float[B, M, K]`` where of names of one thing the better one has the scores of all, and the others 0.

    Args:
        canonical: ``int[B, K]``, index of the first name that means the same; of most names their own.
    """
    index = canonical[:, None].expand_as(scores)
    zeros = torch.zeros_like(scores)
    best = zeros.scatter_reduce(-1, index, scores, 'amax').gather(-1, index)
    total = zeros.scatter_add(-1, index, scores).clamp(max=1).gather(-1, index)
    return torch.where(scores == best, total, 0)


def _tell(names: list[str]) -> None:
    if tuple(names) not in _told:
        _told.add(tuple(names))
        print_log(f'{" and ".join(names)} mean nearly the same; each object is given the better name.', 'current',
                  level=logging.WARNING)
