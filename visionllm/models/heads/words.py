"""Image tokens as words: how they become some, and how near they lie to the words that they should be."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from visionllm.structures import Mean

from .unmarked import spared

WORD_WEIGHT = 5.0  # of being a readable word, against being near the right names
SHARPNESS = 4


def projector(channels: int, hidden: int, out: int) -> nn.Sequential:
    """Two layers that start with the spread of a language model's embeddings."""
    layers = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, out))
    nn.init.normal_(layers[-1].weight, std=0.13 / math.sqrt(hidden))
    return layers


def nearness(words: Tensor, names: Tensor, log_scale: Tensor) -> Tensor:
    """Logits ``float[..., K]`` of words ``float[..., E]`` by their direction: 0 for the name itself, then less. Names
    are ``float[K, E]``, or each picture's own."""
    return log_scale.exp() * (F.normalize(words, dim=-1) @ F.normalize(names, dim=-1).mT - 1)


def distance(words: Tensor, wanted: Tensor, names: Tensor) -> Tensor:
    """How far words ``float[..., E]`` are from what they should be, ``float[...]``, by the spread of names."""
    return (words - wanted).square().mean(-1) / names.var()


def name_losses(words: Tensor, wanted: Tensor, here: Tensor, target: Tensor, log_scale: Tensor,
                lacking: Sequence[Tensor] = (), weight: float = 1.0) -> dict[str, Mean]:
    """Align words with those that they should be.

    Args:
        words: ``float[B, M, E]`` of image tokens.
        wanted: ``float[K, E]`` of the classes' names.
        here: ``float[B, M, 1]``, logits of anything being there.
        target: ``float[B, M, K + 1]``, how likely each token is each class, or nothing.
        log_scale: Of ``nearness``.
        lacking: ``bool[K]`` of each picture, which names may have objects that nobody has marked; none if left out.
        weight: Of the loss.
    """
    near = nearness(words, wanted, log_scale)
    likeliest = target.argmax(-1)
    things = likeliest < len(wanted)
    logits = spared(beside_none(near + here), ~things, lacking)
    entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1), reduction='sum')
    far = distance(words, sharpen(target[..., :-1]) @ wanted, wanted)
    something = target[..., :-1].sum(-1)
    right = (near.argmax(-1) == likeliest)[things]
    total = weight * (entropy + WORD_WEIGHT * (something * far).sum())
    return dict(loss_name=Mean(total, something.sum()), acc_name=Mean(100 * right.sum(), things.sum()))


def sharpen(probability: Tensor) -> Tensor:
    """``float[..., K]`` that sums to 1 and prefers what was likely; what can be nothing but nothing stays 0."""
    power = probability**SHARPNESS
    return power / power.sum(-1, keepdim=True).clamp_min(1e-30)


def beside_none(logits: Tensor) -> Tensor:
    """``float[..., K]`` to ``float[..., K + 1]``: logits of things, and 0 for nothing."""
    return F.pad(logits, (0, 1))
