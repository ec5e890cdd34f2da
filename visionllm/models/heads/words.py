"""Image tokens as words: how they become some, and how near they lie to the words that they should be."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

WORD_WEIGHT = 5.0  # of being a readable word, against being near the right names


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
