"""Crops of the input image around the boxes of image tokens.

Dimensions: B images, M image tokens, S side of a crop in pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass
class RoICrops:
    """Crops, and feature maps of them."""
    feature_maps: list[Tensor]  # float[B, M, C', H', W'] each, highest resolution first
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1]: the cropped region of the image
    images: Tensor  # float[B, M, 3, S, S], the cropped pixels

    def compute(self) -> 'RoICrops':
        """Itself."""
        return self

    def map(self, function: Callable[[Tensor], Tensor], of_images: bool) -> 'RoICrops':
        """A function of tensors ``float[B, M, ...]`` applied to all of them.

        Args:
            of_images: Unused; see ``LazyFeatures``.
        """
        return RoICrops([function(each) for each in self.feature_maps], function(self.boxes), function(self.images))
