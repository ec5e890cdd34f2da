"""Texts of different length in one batch: padding stands before them, so that they end together."""

import torch
import torch.nn.functional as F
from torch import Tensor


def left_padded(texts: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Texts ``float[T', E]`` that end together: ``float[B, T, E]``, ``bool[B, T]`` (True = real), ``int[B, T]``."""
    length = max(len(text) for text in texts)
    embeddings = torch.stack([F.pad(text, (0, 0, length - len(text), 0)) for text in texts])
    missing = torch.tensor([length - len(text) for text in texts], device=embeddings.device)[:, None]
    place = torch.arange(length, device=embeddings.device) - missing
    return embeddings, place >= 0, place.clamp_min(0)


def causal(real: Tensor) -> Tensor:
    """Each token sees itself and the real ones before it: ``bool[B, T]`` to ``bool[B, T, T]``."""
    length = real.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=real.device).tril()
    return before & real[:, None] | torch.eye(length, dtype=torch.bool, device=real.device)
