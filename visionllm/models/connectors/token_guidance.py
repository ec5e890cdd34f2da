"""Image tokens read the instruction, and one another (an addition to the paper).

"The star left of the red circle" is a matter between objects. Text that enters the scales (paper, section 3.2) tells
each pixel what to look for; which star is meant is known only when stars and circles have been found.

Letters: B pictures, M image tokens, C channels of the tokens, N text tokens.
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import nn

from visionllm.structures import ImageTokens, TextFeatures
from visionllm.structures.places import PLACE_CHANNELS, place_features


@MODELS.register_module()
class TokenGuidance(BaseModule):
    """Change the tokens' objectness, that something is there, to whether it is what the text means.

    What a token is and where stays as it was. Starts as nothing: its output layer is zero.

    Args:
        channels: C.
        text_width: Channels of the text features.
        num_layers: Each of attention among the tokens, attention to the text, and a feed-forward network.
        num_heads: Of both attentions.
    """

    def __init__(self, channels: int, text_width: int, num_layers: int = 3, num_heads: int = 8):
        super().__init__()
        self.token_in = nn.Linear(channels + PLACE_CHANNELS + 1, channels)
        self.text_in = nn.Linear(text_width, channels)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(channels, num_heads, 2 * channels, dropout=0.0, batch_first=True,
                                       norm_first=True) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: ImageTokens, text: TextFeatures) -> ImageTokens:
        """The tokens with another objectness; without text tokens nothing changes."""
        if text.features.shape[1] == 0:
            return tokens
        there = tokens.objectness.detach().sigmoid()[..., None]  # what is nothing is left of nothing
        states = self.token_in(torch.cat([tokens.embeddings, place_features(tokens.boxes), there], -1))  # [B, M, C]
        heard = self.text_in(text.features)  # [B, N, C]
        for layer in self.layers:
            states = layer(states, heard, memory_key_padding_mask=~text.mask)
        meant = self.out(self.norm(states)).squeeze(-1)  # [B, M]
        return ImageTokens(tokens.embeddings, tokens.boxes, tokens.objectness + meant, tokens.rings)
