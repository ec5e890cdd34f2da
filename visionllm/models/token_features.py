"""Features of image tokens that heads and prompts read: embedding and box."""

import torch
from torch import Tensor

from visionllm.structures import ImageTokens

from .box_position_embedding import embed_box_positions


def token_features(tokens: ImageTokens) -> Tensor:
    """Embeddings and encoded boxes, ``float[B, M, C + BOX_EMBEDDING_CHANNELS]`` of B images with M tokens."""
    return torch.cat([tokens.embeddings, embed_box_positions(tokens.boxes)], -1)
