"""Each image token by itself, in place of a resampler.

Dimensions: B images, M image tokens, C channels, H x W the padded input.
"""

from dataclasses import replace

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.structures import ImageTokens, TextFeatures


@MODELS.register_module()
class MLPRefiner(BaseModule):
    """Each image token through an MLP of two layers: what a resampler is compared with.

    Args:
        channels: C.
        text_width: Unused; every refiner of ``VisionLLM`` is given it.
        hidden_width: Channels inside; None for 4 C.
    """

    def __init__(self, channels: int, text_width: int = 0, hidden_width: int | None = None):
        super().__init__()
        hidden_width = hidden_width or 4 * channels
        self.layers = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, hidden_width), nn.GELU(),
                                    nn.Linear(hidden_width, channels), nn.LayerNorm(channels))

    def forward(self, tokens: ImageTokens, images: Tensor, pixel_mask: Tensor,
                text: TextFeatures | None = None) -> ImageTokens:
        """As many tokens, ``float[B, M, C]``.

        Args:
            tokens: M tokens of each image.
            images: ``float[B, 3, H, W]``; unused.
            pixel_mask: ``bool[B, H, W]``; unused.
            text: Unused.
        """
        return replace(tokens, embeddings=self.layers(tokens.embeddings))
