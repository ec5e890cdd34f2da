"""Text encoder of an image tokenizer without language guidance (paper, table 3a, "none")."""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule

from visionllm.structures import TextFeatures


@MODELS.register_module()
class NoTextEncoder(BaseModule):
    """Encodes every text as zero tokens."""

    width = 1

    def __init__(self):
        super().__init__()
        self.register_buffer('nothing', torch.zeros(0, self.width), persistent=False)

    def forward(self, texts: list[str]) -> TextFeatures:
        """Features ``float[B, 0, 1]`` and mask ``bool[B, 0]`` of B texts."""
        features = self.nothing.expand(len(texts), -1, -1)
        return TextFeatures(features, features[..., 0].bool())
