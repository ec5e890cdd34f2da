"""What a pre-trained image encoder sees in RoI crops of the input image (an addition to the paper).

A published detector's tokens hold class scores and boxes. What the place looks like, to the pixel, comes from crops.
They are encoded on demand: boxes are answered without them.

Dimensions: B images, M image tokens, C token channels, S = ``crop_size``, H x W the padded input.
"""

from dataclasses import replace

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.structures import ImageTokens, LazyRoICrops, RoICrops, TextFeatures

from .roi_cropping import crop_boxes, crop_images_antialiased


@MODELS.register_module()
class RoIEncoder(BaseModule):
    """Give each token a crop and its feature maps; the tokens themselves stay as they are.

    Args:
        channels, text_width: Unused; every refiner of ``VisionLLM`` is given them.
        encoder: Config of a backbone that reads RGB images in [0, 1], such as ``EfficientNetLite``.
        crop_size: S, side of a crop in pixels.
        crop_scale: Side of the cropped region, in multiples of the longer side of the token's box.
    """

    def __init__(self, channels: int, encoder: dict, text_width: int = 0, crop_size: int = 96, crop_scale: float = 1.3):
        super().__init__()
        self.encoder = MODELS.build(encoder)
        self.crop_size, self.crop_scale = crop_size, crop_scale

    def forward(self, tokens: ImageTokens, images: Tensor, pixel_mask: Tensor,
                text: TextFeatures | None = None) -> ImageTokens:
        """The tokens with ``roi_crops``.

        Args:
            images: ``float[B, 3, H, W]`` in [0, 1], padded.
            pixel_mask: ``bool[B, H, W]``, True = real pixel.
            text: Unused.
        """
        boxes = crop_boxes(pixel_mask, tokens.boxes.detach(), self.crop_scale)
        index = torch.arange(len(images), device=images.device)
        return replace(tokens, roi_crops=LazyRoICrops(boxes, index, images, pixel_mask, self.encode))

    def encode(self, images: Tensor, pixel_mask: Tensor, boxes: Tensor) -> RoICrops:
        """Crops of regions ``float[B, M, 4]`` (cxcywh in [0, 1]); other arguments as of ``forward``."""
        crops = crop_images_antialiased(images, pixel_mask, boxes, self.crop_size)
        maps = self.encoder(crops.flatten(0, 1))
        return RoICrops([each.unflatten(0, boxes.shape[:2]) for each in maps], boxes, crops)
