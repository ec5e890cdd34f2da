"""Classes that were not annotated exhaustively (LVIS): predicting them on unannotated tokens is no error."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED_LOGIT = -1e4  # probability 0, but finite, since 0 times infinity is NaN


def mask_unverified(logits: Tensor, no_object: Tensor, unverified: Sequence[Tensor]) -> Tensor:
    """Mask out, at tokens without a matched object, the classes that may have unannotated objects.

    Args:
        logits: ``float[B, M, K + 1]``, the last of no-object.
        no_object: ``bool[B, M]``, tokens that no object is matched to.
        unverified: ``bool[k]`` of each image's own names, k <= K; none if empty.

    Returns:
        ``float[B, M, K + 1]``.
    """
    if not any(mask.any() for mask in unverified):
        return logits
    masked = torch.stack([F.pad(mask, (0, logits.shape[-1] - len(mask))) for mask in unverified])  # [B, K + 1]
    return logits.masked_fill(no_object[..., None] & masked[:, None], IGNORED_LOGIT)
