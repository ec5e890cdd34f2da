"""Objectness of the image tokenizer in the class scores (an addition to the paper)."""

import torch
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.structures import ImageTokens


@MODELS.register_module()
class ObjectnessPrior(nn.Module):
    """The tokenizer's objectness as a logit of "any object against no object", by a learned scale and offset.

    Args:
        in_score: Add it to the class logits; otherwise only the alignment loss uses it.
    """

    def __init__(self, in_score: bool = True):
        super().__init__()
        self.in_score = in_score
        self.affine = nn.Parameter(torch.tensor([1.0, 0.0]))  # scale, offset

    def forward(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, M, 1]`` of B images with M tokens."""
        scale, offset = self.affine
        return scale * tokens.objectness[..., None] + offset
