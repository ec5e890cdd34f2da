"""Which tuples are decoded: a sample in training, then those that matter, which some pictures have more of."""

import torch
import torch.nn.functional as F
from torch import Tensor

from visionllm.structures import ImageTokens


def sample_tuples(tokens: ImageTokens, on_objects: list[Tensor],
                  count: int | None = None) -> tuple[ImageTokens, Tensor]:
    """The image tokens to decode in training: those on objects, and as many of the rest at random as make ``count``
    (all if None); and ``float[B, count]`` how many each stands for."""
    total = tokens.objectness.shape[1]
    kept = min(count or total, total)
    order = torch.rand_like(tokens.objectness)
    weight = torch.ones_like(order)
    for b, chosen in enumerate(on_objects):
        order[b, chosen] += 1  # first
        rest = kept - len(chosen)
        weight[b] = (total - len(chosen)) / rest if rest > 0 else 0.0
        weight[b, chosen] = 1.0
    index = order.topk(kept, dim=1).indices
    return tokens.pick(index), weight.gather(1, index)


def pad_selection(chosen: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Lists of different length as ``int[B, n]`` (filled with 0) and ``bool[B, n]``, True = real."""
    length = max(max((len(c) for c in chosen), default=0), 1)
    selected = torch.stack([F.pad(c, (0, length - len(c))) for c in chosen])
    counts = torch.tensor([len(c) for c in chosen], device=selected.device)
    return selected, torch.arange(length, device=selected.device) < counts[:, None]
