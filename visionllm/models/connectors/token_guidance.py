"""Text guidance among the image tokens (an addition to the paper).

"The star left of the red circle" is a relation between objects. Text that enters the feature maps (paper, section 3.2)
tells each pixel what to look for; which star is referred to is known only when stars and circles have been found.

Dimensions: B images, M image tokens, C token channels, N text tokens.
"""

from dataclasses import replace

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, TextFeatures

BOX_SCALES = (2.0, 4.0, 8.0)  # of coordinates in [-0.5, 0.5]


@MODELS.register_module()
class TokenGuidance(BaseModule):
    """Turn a token's objectness (is there an object?) into referral (is it what the text refers to?).

    Transformer decoder layers: self-attention among the tokens, cross-attention to the text. Embeddings and boxes are
    not changed. The output layer is zero-initialized. Box coordinates enter as numbers, at several scales and without
    sines: with high frequencies no spatial relation is learned (docs/log.md).

    Args:
        channels: C.
        text_width: Channels of the text features.
        num_layers: Of the decoder.
        num_heads: Of both attentions.
    """

    def __init__(self, channels: int, text_width: int, num_layers: int = 3, num_heads: int = 8):
        super().__init__()
        self.token_proj = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, channels))
        self.box_proj = nn.Linear(4 * len(BOX_SCALES) + 1, channels)
        self.text_proj = nn.Linear(text_width, channels)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(channels, num_heads, 2 * channels, dropout=0.0, batch_first=True,
                                       norm_first=True) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        self.out_proj = nn.Linear(channels, 1)
        nn.init.zeros_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, tokens: ImageTokens, images: Tensor | None, pixel_mask: Tensor | None,
                text: TextFeatures) -> ImageTokens:
        """The tokens with another objectness; without text tokens nothing changes.

        Args:
            images, pixel_mask: ``float[B, 3, H, W]`` and ``bool[B, H, W]``; unused.
            text: The phrase or the class names.
        """
        if text.features.shape[1] == 0:
            return tokens
        objectness = tokens.objectness.detach().sigmoid()[..., None]
        boxes = torch.cat([scale * (tokens.boxes.detach() - 0.5) for scale in BOX_SCALES] + [objectness], -1)
        states = self.token_proj(tokens.embeddings) + self.box_proj(boxes)  # [B, M, C]
        memory = self.text_proj(text.features)  # [B, N, C]
        padding = ~tokens.mask & tokens.mask.any(1, keepdim=True)  # attention over nothing is no number
        for layer in self.layers:
            states = layer(states, memory, tgt_key_padding_mask=padding, memory_key_padding_mask=~text.mask)
        referral = self.out_proj(self.norm(states)).squeeze(-1)  # [B, M]
        return replace(tokens, objectness=tokens.objectness + referral)
