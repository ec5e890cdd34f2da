"""No guidance: a tokenizer that sees the picture alone (paper, table 3a, "none")."""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule

from visionllm.structures import TextFeatures


@MODELS.register_module()
class NoText(BaseModule):
    """Texts of no tokens."""

    width = 1

    def __init__(self):
        super().__init__()
        self.register_buffer('nothing', torch.zeros(0, self.width), persistent=False)

    def forward(self, texts: list[str]) -> TextFeatures:
        """``float[B, 0, 1]``, whatever the B texts say."""
        features = self.nothing.expand(len(texts), -1, -1)
        return TextFeatures(features, features[..., 0].bool())
