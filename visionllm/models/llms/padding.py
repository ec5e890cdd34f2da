"""Left padding of texts of different lengths. Masks: True = real token.

Dimensions: B texts, T tokens of the longest, E embedding width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def left_pad(texts: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Batch texts with padding on the left.

    Args:
        texts: Embeddings of each text, ``float[T', E]``.

    Returns:
        Embeddings ``float[B, T, E]``, mask ``bool[B, T]``, and position ids ``int[B, T]`` that do not count padding.
    """
    length = max(len(text) for text in texts)
    embeddings = torch.stack([F.pad(text, (0, 0, length - len(text), 0)) for text in texts])
    padding = torch.tensor([length - len(text) for text in texts], device=embeddings.device)[:, None]
    position = torch.arange(length, device=embeddings.device) - padding
    return embeddings, position >= 0, position.clamp_min(0)


def causal_mask(attention_mask: Tensor) -> Tensor:
    """Causal attention mask ``bool[B, T, T]`` of left-padded texts with the mask ``bool[B, T]``.

    Padding attends to itself, so that no row is empty.
    """
    length = attention_mask.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=attention_mask.device).tril()
    return causal & attention_mask[:, None] | torch.eye(length, dtype=torch.bool, device=attention_mask.device)
