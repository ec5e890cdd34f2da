"""Which tuples are decoded in training, and index lists of different length as one batch.

Dimensions: B images, M image tokens, n selected ones, G objects of an image, N points of an object.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from visionllm.structures import ImageTokens


def sample_tuples(tokens: ImageTokens, matched: list[Tensor],
                  count: int | None = None) -> tuple[ImageTokens, Tensor]:
    """The image tokens to decode: all matched ones, and a random sample of the rest.

    Args:
        matched: ``int[..]`` of each image, tokens matched to objects.
        count: Tokens per image in all; every token if None.

    Returns:
        The tokens, and ``float[B, count]``: how many tokens each one represents.
    """
    total = tokens.objectness.shape[1]
    kept = min(count or total, total)
    priority = torch.rand_like(tokens.objectness)
    weight = torch.ones_like(priority)
    for b, index in enumerate(matched):
        priority[b, index] += 1  # first
        rest = kept - len(index)
        weight[b] = (total - len(index)) / rest if rest > 0 else 0.0
        weight[b, index] = 1.0
    index = priority.topk(kept, dim=1).indices
    return tokens.gather(index), weight.gather(1, index)


def sample_annotated_matches(matches: list[tuple[Tensor, Tensor]], points: list[Tensor],
                             limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """At most ``limit`` random matches per image, of objects that have at least one known point.

    Args:
        matches: ``int[n]`` tokens and ``int[n]`` objects of each image.
        points: ``float[G, N, 2]`` of each image's objects, NaN where unknown.

    Returns:
        Tokens ``int[B, n]`` and ``bool[B, n]`` as of ``pad_indices``, and the objects' points ``float[m, N, 2]`` of all
        images, concatenated.
    """
    tokens, targets = zip(*[_sample_annotated(*match, each, limit) for match, each in zip(matches, points)])
    return *pad_indices(tokens), torch.cat(targets)


def _sample_annotated(tokens: Tensor, objects: Tensor, points: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Tokens of one image, and the points of their objects."""
    order = torch.randperm(len(tokens), device=tokens.device)
    known = points[objects[order]].isfinite().flatten(1).any(1)
    kept = order[known][:limit]
    return tokens[kept], points[objects[kept]]


def pad_indices(indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Lists ``int[..]`` of different length as ``int[B, n]`` (padded with 0) and ``bool[B, n]``, True = real."""
    length = max(max((len(each) for each in indices), default=0), 1)
    padded = torch.stack([F.pad(each, (0, length - len(each))) for each in indices])
    counts = torch.tensor([len(each) for each in indices], device=padded.device)
    return padded, torch.arange(length, device=padded.device) < counts[:, None]
