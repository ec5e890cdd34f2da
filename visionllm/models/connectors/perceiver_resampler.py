"""Any number of image tokens as a fixed number of latents (Flamingo's Perceiver resampler).

The layers are those of IDEFICS: as Flamingo's, but for ReLU in the feed-forward and no embeddings of frames.

Dimensions: B images, M image tokens, L latents, C channels.
"""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor
from transformers import IdeficsConfig
from transformers.models.idefics.perceiver import IdeficsPerceiverResampler

from visionllm.structures import ImageTokens, TextFeatures


@MODELS.register_module()
class PerceiverResampler(BaseModule):
    """Latents that attend to the image tokens and to one another, in place of the image tokens.

    Args:
        channels: C.
        text_width: Unused; every refiner of ``VisionLLM`` is given it.
        num_latents: L.
        depth: Layers.
        num_heads, head_width: Of the attention.
    """

    def __init__(self, channels: int, text_width: int = 0, num_latents: int = 64, depth: int = 6, num_heads: int = 8,
                 head_width: int = 64):
        super().__init__()
        config = IdeficsConfig(vision_config=dict(embed_dim=channels), perceiver_config=dict(
            qk_layer_norms_perceiver=False))
        self.resampler = IdeficsPerceiverResampler(config, channels, depth, num_heads, head_width, num_latents)

    def forward(self, tokens: ImageTokens, images: Tensor, pixel_mask: Tensor,
                text: TextFeatures | None = None) -> ImageTokens:
        """L tokens of each image, on no place of it: their boxes are the whole image.

        Args:
            tokens: M tokens of each image.
            images: ``float[B, 3, H, W]``; unused.
            pixel_mask: ``bool[B, H, W]``; unused.
            text: Unused.
        """
        latents = self.resampler(tokens.embeddings)
        whole = torch.tensor([0.5, 0.5, 1.0, 1.0], device=latents.device)
        return ImageTokens(latents, whole.expand(*latents.shape[:2], -1), latents.new_zeros(latents.shape[:2]))
