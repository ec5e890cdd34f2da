"""Projection of image tokens into the embedding space of a language model, and similarity to names in it.

Dimensions: K names, E width of the language model.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

EMBEDDING_STD = 0.13  # of a language model's input embeddings


def embedding_projector(channels: int, hidden: int, out: int) -> nn.Sequential:
    """A two-layer MLP ``float[..., channels]`` to ``float[..., out]`` with the scale of input embeddings."""
    layers = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, out))
    nn.init.normal_(layers[-1].weight, std=EMBEDDING_STD / math.sqrt(hidden))
    return layers


def similarity_logits(embeddings: Tensor, names: Tensor, log_scale: Tensor) -> Tensor:
    """Scaled cosine similarity minus one: 0 for the name itself, negative otherwise.

    Args:
        embeddings: ``float[..., E]``.
        names: ``float[K, E]``, or ``float[B, K, E]`` of each image's own names.
        log_scale: ``float[]``.

    Returns:
        ``float[..., K]``.
    """
    return log_scale.exp() * (F.normalize(embeddings, dim=-1) @ F.normalize(names, dim=-1).mT - 1)


def embedding_distance(embeddings: Tensor, targets: Tensor, names: Tensor) -> Tensor:
    """Mean squared distance ``float[...]`` of ``float[..., E]`` to ``float[..., E]``, by the variance of names
    ``float[K, E]``."""
    return (embeddings - targets).square().mean(-1) / names.var()
