"""Embeddings of the query tokens of an output format, one set per image token (paper, section 3.3)."""

import torch.nn.functional as F
from torch import Tensor, nn


class QueryEmbedding(nn.Module):
    """Format token embeddings plus a function of the image token, which so reaches every query of its tuple.

    The output layer is zero-initialized: queries start as the format tokens themselves.

    Args:
        channels: Of the image tokens' features.
        width: Of the language model.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.token_proj = nn.Linear(channels, width)
        self.format_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, features: Tensor, format_tokens: Tensor) -> Tensor:
        """Queries ``float[..., q, width]`` of image tokens ``float[..., channels]`` and q format tokens
        ``float[q, width]``."""
        hidden = F.gelu(self.token_proj(features)[..., None, :] + self.format_proj(format_tokens))
        return format_tokens + self.out_proj(hidden)
