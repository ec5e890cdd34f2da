"""Square crops of a fixed size around boxes.

Dimensions: B images, M image tokens, S side of a crop in pixels, H x W the padded input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..box_position_embedding import pixel_centers
from ..pixels import as_fractions
from .language_guided import valid_ratio

MIN_SIDE = 2  # of the longer side of a box, in pixels


def crop_boxes(pixel_mask: Tensor, boxes: Tensor, scale: float) -> Tensor:
    """Regions ``float[B, M, 4]`` around boxes ``float[B, M, 4]`` (both cxcywh in [0, 1]): squares in pixels.

    Args:
        pixel_mask: ``bool[B, H, W]``, True = real pixel.
        scale: Side of a region, in multiples of the longer side of its box.
    """
    size = _image_sizes(pixel_mask, boxes)
    center, sides = boxes.split(2, -1)
    longer = (sides * size).amax(-1, keepdim=True).clamp_min(MIN_SIDE)
    return torch.cat([center, scale * longer / size], -1)


def crop_images(images: Tensor, pixel_mask: Tensor, boxes: Tensor, crop_size: int) -> Tensor:
    """Bilinear crops of regions ``float[B, M, 4]`` (cxcywh in [0, 1]): ``float[B, M, 3, S, S]``, zero outside.

    Args:
        images: ``float[B, 3, H, W]``, padded.
        pixel_mask: ``bool[B, H, W]``, True = real pixel.
        crop_size: S.
    """
    center, sides = boxes[..., None, :].split(2, -1)
    points = center + sides * pixel_centers(crop_size, boxes)[:, None]  # [B, M, S, 2] in [0, 1]
    x, y = (2 * points * valid_ratio(pixel_mask)[:, None, None] - 1).unbind(-1)  # of the padded image, in [-1, 1]
    grid = torch.stack([x[:, :, None].expand(-1, -1, crop_size, -1), y[..., None].expand(-1, -1, -1, crop_size)],
                       -1)  # [B, M, S, S, 2]
    crops = F.grid_sample(images, grid.flatten(1, 2), align_corners=False)  # [B, 3, M S, S]
    return crops.unflatten(2, (boxes.shape[1], crop_size)).transpose(1, 2)


def crop_images_antialiased(images: Tensor, pixel_mask: Tensor, boxes: Tensor, crop_size: int) -> Tensor:
    """As ``crop_images``, ``float[B, M, 3, S, S]``, out of the image at half its resolution, a quarter and so on where
    a region is larger than the crop. The images may be ``uint8``."""
    if len(images) > 1:  # each by its own size, so that crops do not depend on the padding
        crops = []
        for image, mask, own in zip(images, pixel_mask, boxes):
            height, width = int(mask.any(1).sum()), int(mask.any(0).sum())
            real = image[None, :, :height, :width], mask[None, :height, :width]
            crops.append(crop_images_antialiased(*real, own[None], crop_size))
        return torch.cat(crops)
    images = as_fractions(images)
    side = (boxes[..., 2:] * _image_sizes(pixel_mask, boxes)).amax(-1)  # [B, M], in pixels
    level = (side / crop_size).log2().floor().clamp_min(0)
    crops = images.new_zeros(*boxes.shape[:2], 3, crop_size, crop_size)
    for each in level.unique().tolist():
        shape = [max(round(length / 2**each), 1) for length in images.shape[-2:]]
        smaller = F.interpolate(images, shape, mode='bilinear', antialias=True) if each else images
        new = crop_images(smaller, pixel_mask, boxes, crop_size)
        crops = torch.where((level == each)[..., None, None, None], new, crops)
    return crops


def _image_sizes(pixel_mask: Tensor, boxes: Tensor) -> Tensor:
    """Width and height ``float[B, 1, 2]`` of the images, in pixels."""
    return (valid_ratio(pixel_mask) * boxes.new_tensor(pixel_mask.shape[:0:-1]))[:, None]
