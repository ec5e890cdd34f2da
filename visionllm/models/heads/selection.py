"""Which tuples are decoded: a sample in training, then those that matter, which some pictures have more of."""

from collections.abc import Sequence

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


def some_known(pairs: list[tuple[Tensor, Tensor]], points: list[Tensor], limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of each picture's pairs of tokens and objects at most ``limit``, at random, of objects that have a point which is
    known.

    Args:
        pairs: ``int[n]`` each.
        points: ``float[G, N, 2]`` of a picture's objects, NaN where unknown.

    Returns:
        The tokens and which of them are real, as ``pad_selection`` has them, and the objects' points, one after the
        other.
    """
    chosen, truth = zip(*[_some_known(*pair, each, limit) for pair, each in zip(pairs, points)])
    return *pad_selection(chosen), torch.cat(truth)


def _some_known(tokens: Tensor, objects: Tensor, points: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Tokens of one picture, and the points of their objects."""
    order = torch.randperm(len(tokens), device=tokens.device)
    known = points[objects[order]].isfinite().flatten(1).any(1)
    kept = order[known][:limit]
    return tokens[kept], points[objects[kept]]


def pad_selection(chosen: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Lists of different length as ``int[B, n]`` (filled with 0) and ``bool[B, n]``, True = real."""
    length = max(max((len(c) for c in chosen), default=0), 1)
    selected = torch.stack([F.pad(c, (0, length - len(c))) for c in chosen])
    counts = torch.tensor([len(c) for c in chosen], device=selected.device)
    return selected, torch.arange(length, device=selected.device) < counts[:, None]
