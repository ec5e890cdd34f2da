"""Image tokens out of a frozen picture encoder: the cells of a grid over the whole image (LLaVA, Flamingo).

Dimensions: B images, H x W the padded input, h x w the grid, M = h w image tokens, C channels, G objects of an image.
"""

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.structures import ImageTokens, LossTerm, TextFeatures

from ..image_cache import ImageCache
from ..pixels import real_pixels

Matches = list[tuple[Tensor, Tensor]]  # of each image: indices of tokens, and of the objects matched to them


@MODELS.register_module()
class GridTokenizer(BaseModule):
    """Features of the cells of a grid, row by row, with their boxes. No text guides them, and nothing is trained.

    Args:
        encoder: Config of a frozen encoder that reads RGB images in [0, 1] and has ``map_channels``, such as
            ``HuggingFaceVisionEncoder`` or ``EfficientNetLite``.
        num_maps: How many of the encoder's last maps are read; they are concatenated.
        image_size: Side of the square that images are resized to, in pixels; None for the encoder's own.
        grid_size: Cells a side, averages of the maps; None for the cells of the last map.
        pad: Pad images to squares with the encoder's mean colour first, as LLaVA 1.5 does.
        text_width: Unused; every connector is given it.
        cached_images: Number of images whose features are kept in memory, so that an epoch costs only what is trained.

    Attributes:
        embed_dims: C.
    """

    def __init__(self, encoder: dict, num_maps: int = 1, image_size: int | None = None, grid_size: int | None = None,
                 pad: bool = False, text_width: int = 0, cached_images: int = 32):
        super().__init__()
        self.encoder = MODELS.build(encoder)
        self.num_maps, self.grid_size, self.pad = num_maps, grid_size, pad
        self.image_size = (image_size, image_size) if image_size else self.encoder.image_size
        self.embed_dims = sum(self.encoder.map_channels[-num_maps:])
        self.cache = ImageCache(cached_images)

    def forward(self, features: tuple[Tensor], pixel_mask: Tensor, text: TextFeatures) -> list[ImageTokens]:
        """Tokens of the only layer.

        Args:
            features: The images alone: RGB, padded, ``uint8[B, 3, H, W]`` or ``float`` in [0, 1].
            pixel_mask: ``bool[B, H, W]``, True = real pixel.
            text: Unused.
        """
        images = real_pixels(features[0], pixel_mask)
        grids = torch.stack(self.cache.get_or_compute(images, self.encode)).to(pixel_mask.device)  # [B, C, h, w]
        boxes = torch.stack([self._cells(image.shape[:2], grids.shape[-2:]) for image in images]).to(grids)
        return [ImageTokens(grids.flatten(2).transpose(1, 2), boxes, boxes.new_zeros(boxes.shape[:2]))]

    @torch.no_grad()
    def encode(self, images: list[np.ndarray]) -> list[Tensor]:
        """Features ``float[C, h, w]`` of each image ``uint8[H, W, 3]``, on the CPU."""
        device = next(self.encoder.parameters()).device
        inputs = torch.cat([self._resize(torch.from_numpy(image).to(device)) for image in images])
        maps = self.encoder(inputs)[-self.num_maps:]
        size = (self.grid_size, self.grid_size) if self.grid_size else maps[-1].shape[-2:]
        return list(torch.cat([F.adaptive_avg_pool2d(each.float(), size) for each in maps], 1).cpu())

    def _resize(self, image: Tensor) -> Tensor:
        """``float[1, 3, H', W']`` in [0, 1] of the size that the encoder reads, of an image ``uint8[H, W, 3]``."""
        pixels = image.permute(2, 0, 1)[None] / 255
        if self.pad:
            pixels = pad_to_square(pixels, getattr(self.encoder, 'mean', pixels.new_full((3, 1, 1), 0.5)))
        return F.interpolate(pixels, self.image_size, mode='bicubic', antialias=True).clamp(0, 1)

    def _cells(self, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        """Boxes ``float[M, 4]`` (cxcywh in [0, 1] of the image) of the cells, of an image of the height and width
        ``size``. Cells in the padding have none of the image, and sides of zero at its edge."""
        corners = [torch.linspace(0, 1, cells + 1) for cells in grid]
        if self.pad:
            corners = [((each - 0.5) * max(size) / side + 0.5).clamp(0, 1) for each, side in zip(corners, size)]
        (top, bottom), (left, right) = ((each[:-1], each[1:]) for each in corners)
        y, x = torch.meshgrid((top + bottom) / 2, (left + right) / 2, indexing='ij')
        height, width = torch.meshgrid(bottom - top, right - left, indexing='ij')
        return torch.stack([x, y, width, height], -1).flatten(0, 1)

    def loss(self, layers: list[ImageTokens], gt_boxes: list[Tensor],
             gt_contours: list[Tensor]) -> tuple[dict[str, LossTerm], Matches]:
        """No losses: nothing is trained. A cell is matched to the smallest object whose box its center lies in.

        Args:
            layers: What ``forward`` returned.
            gt_boxes: ``float[G, 4]`` cxcywh in [0, 1] of each image.
            gt_contours: ``float[G, P, 2]``; unused.
        """
        return {}, [smallest_around(centers, boxes) for centers, boxes in zip(layers[-1].centers, gt_boxes)]

    def init_weights(self) -> None:
        """Nothing: the encoder's weights stay as they are."""


def pad_to_square(pixels: Tensor, colour: Tensor) -> Tensor:
    """Images ``float[B, 3, H, W]`` in the middle of squares of a colour ``float[3, 1, 1]``."""
    height, width = pixels.shape[-2:]
    side = max(height, width)
    square = colour.expand(len(pixels), -1, side, side).clone()
    top, left = (side - height) // 2, (side - width) // 2
    square[..., top:top + height, left:left + width] = pixels
    return square


def smallest_around(points: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Indices ``int[n]`` of points ``float[M, 2]`` that lie in boxes ``float[G, 4]`` (cxcywh), and of the smallest box
    around each."""
    if not len(boxes):
        return (torch.zeros(0, dtype=torch.long, device=points.device), ) * 2
    inside = ((points[:, None] - boxes[:, :2]).abs() <= boxes[:, 2:] / 2).all(-1)  # [M, G]
    area = boxes[:, 2:].prod(-1).expand_as(inside).masked_fill(~inside, torch.inf)
    found, = inside.any(1).nonzero(as_tuple=True)
    return found, area[found].argmin(1)
