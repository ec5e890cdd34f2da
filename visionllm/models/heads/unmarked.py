"""Objects that nobody has marked: LVIS's pictures were searched for some classes each, and not always for all objects.

Whoever answers with another class may be right, so it is not called a mistake.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

UNTHINKABLE = -1e4  # a logit whose share is 0, but finite, since 0 times infinity is no number


def spared(logits: Tensor, nothing: Tensor, lacking: Sequence[Tensor]) -> Tensor:
    """Logits ``float[B, M, K + 1]`` without the names that may have objects which nobody has marked, where nothing is
    marked: to answer with one of them is no mistake that anybody knows of.

    Args:
        nothing: ``bool[B, M]``.
        lacking: ``bool[k]`` of each picture's own names, k <= K; none if left out.
    """
    if not any(mask.any() for mask in lacking):
        return logits
    lacks = torch.stack([F.pad(mask, (0, logits.shape[-1] - len(mask))) for mask in lacking])  # [B, K + 1]
    return logits.masked_fill(nothing[..., None] & lacks[:, None], UNTHINKABLE)
