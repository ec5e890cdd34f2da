"""RoI crops of the input image, and what a pre-trained image encoder sees in it (an addition to the paper).

A published detector's tokens hold class scores and boxes. What a place looks like to the pixel comes from crops, its
colours from smaller ones, what things and the whole image look like from one pass over the image. All are computed on
demand: boxes are answered without them.

Dimensions: B images, M image tokens, C token channels, S = ``crop_size``, H x W the padded input, F channels of the
encoder's last two maps, G cells of a grid.
"""

from dataclasses import replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.structures import ImageFeatures, ImageTokens, LazyFeatures, RoICrops, TextFeatures

from ..box_position_embedding import pixel_centers
from ..image_cache import ImageCache
from ..pixels import real_pixels
from .box_colours import box_colours
from .roi_cropping import crop_boxes, crop_images_antialiased

SAMPLES = 3  # points a side at which a map is read in a box
GRID = 4  # cells a side of the grid over an image
STRIDE = 32  # of the encoder's last map


@MODELS.register_module()
class RoIEncoder(BaseModule):
    """Give the tokens ``roi_crops``, ``image_features`` and ``colours``; the tokens themselves stay as they are.

    Args:
        channels, text_width: Unused; every refiner of ``VisionLLM`` is given them.
        encoder: Config of a backbone that reads RGB images in [0, 1], such as ``EfficientNetLite``.
        crop_size: S, side of a crop in pixels.
        crop_scale: Side of the cropped region, in multiples of the longer side of the token's box.
        image_size: Longer side that the whole image is resized to, in pixels.
        cached_images: Number of images whose maps are kept in memory.
    """

    def __init__(self, channels: int, encoder: dict, text_width: int = 0, crop_size: int = 96, crop_scale: float = 1.3,
                 image_size: int = 384, cached_images: int = 16):
        super().__init__()
        self.encoder = MODELS.build(encoder)
        self.crop_size, self.crop_scale, self.image_size = crop_size, crop_scale, image_size
        self.cache = ImageCache(cached_images)

    def forward(self, tokens: ImageTokens, images: Tensor, pixel_mask: Tensor,
                text: TextFeatures | None = None) -> ImageTokens:
        """The tokens with ``roi_crops``, ``image_features`` and ``colours``.

        Args:
            images: RGB, padded, ``uint8[B, 3, H, W]`` or ``float`` in [0, 1].
            pixel_mask: ``bool[B, H, W]``, True = real pixel.
            text: Unused.
        """
        boxes = tokens.boxes.detach()
        index = torch.arange(len(images), device=images.device)
        inputs = (index, images, pixel_mask)
        crops = LazyFeatures(crop_boxes(pixel_mask, boxes, self.crop_scale), *inputs, self.take_crops)
        return replace(tokens, roi_crops=crops, image_features=LazyFeatures(boxes, *inputs, self.encode_images),
                       colours=LazyFeatures(boxes, *inputs, box_colours))

    def take_crops(self, images: Tensor, pixel_mask: Tensor, boxes: Tensor) -> RoICrops:
        """Crops of regions ``float[B, M, 4]`` (cxcywh in [0, 1]), pixels alone: a branch that reads them brings its own
        encoder. Other arguments as of ``forward``."""
        return RoICrops([], boxes, crop_images_antialiased(images, pixel_mask, boxes, self.crop_size))

    @torch.no_grad()
    def encode_images(self, images: Tensor, pixel_mask: Tensor, boxes: Tensor) -> ImageFeatures:
        """Features ``float[B, M, F]`` at boxes ``float[B, M, 4]`` (cxcywh in [0, 1]), the mean of ``SAMPLES`` points a
        side, and ``float[B, G, F]`` in a grid; other arguments as of ``forward``."""
        found = self.cache.get_or_compute(real_pixels(images, pixel_mask), self._encode_whole)
        steps = pixel_centers(SAMPLES, boxes)
        offsets = torch.stack([steps.expand(SAMPLES, -1), steps[:, None].expand(-1, SAMPLES)], -1).flatten(0, 1)
        points = boxes[:, :, None, :2] + offsets * boxes[:, :, None, 2:]  # [B, M, SAMPLES^2, 2]
        tokens = [torch.cat([sample_map(each.float(), own).mean(-1).T for each in maps], 1)
                  for maps, own in zip(found, points)]
        grid = [torch.cat([F.adaptive_avg_pool2d(each.float(), GRID).flatten(1).T for each in maps], 1)
                for maps in found]
        return ImageFeatures(torch.stack(tokens), torch.stack(grid))

    def _encode_whole(self, images: list[np.ndarray]) -> list[list[Tensor]]:
        """The last two maps ``float16[F', H', W']`` of images ``uint8[H, W, 3]``."""
        return [[each[0].half() for each in self.encoder(self._resize(image))[-2:]] for image in images]

    def _resize(self, image: np.ndarray) -> Tensor:
        """``float[1, 3, H', W']`` whose sides are multiples of the encoder's largest stride."""
        scale = self.image_size / max(image.shape[:2])
        size = [max(round(side * scale / STRIDE), 1) * STRIDE for side in image.shape[:2]]
        resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        return torch.from_numpy(resized).permute(2, 0, 1)[None] / 255


def sample_map(values: Tensor, points: Tensor) -> Tensor:
    """Values ``float[C, M, n]`` of a map ``float[C, H, W]`` at points ``float[M, n, 2]`` in [0, 1], bilinear."""
    return F.grid_sample(values[None], 2 * points[None] - 1, padding_mode='border', align_corners=False)[0]
