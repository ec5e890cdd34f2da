"""Pixels of padded images as encoders read them, in bytes (``UInt8DataPreprocessor``) or as fractions.

Dimensions: B images, H x W the padded input, h x w of one image.
"""

import cv2
import numpy as np
from torch import Tensor


def real_pixels(images: Tensor, pixel_mask: Tensor) -> list[np.ndarray]:
    """The pixels ``uint8[h, w, 3]`` of each image without its padding.

    Args:
        images: ``uint8[B, 3, H, W]``, or ``float[B, 3, H, W]`` in [0, 1].
        pixel_mask: ``bool[B, H, W]``, True = real pixel.
    """
    sizes = zip(pixel_mask[:, :, 0].sum(1).tolist(), pixel_mask[:, 0].sum(1).tolist())
    real = (image[:, :height, :width] for image, (height, width) in zip(images, sizes))
    planes = ((255 * image).round_().byte() if image.is_floating_point() else image for image in real)
    return [cv2.merge(list(each.cpu().numpy())) for each in planes]  # half the time of a permuted copy


def as_fractions(images: Tensor) -> Tensor:
    """``float[B, 3, H, W]`` in [0, 1] of images as of ``real_pixels``."""
    return images if images.is_floating_point() else images / 255
