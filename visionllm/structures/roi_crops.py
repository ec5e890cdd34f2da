"""Crops of the input image around the boxes of image tokens.

Dimensions: B images, M image tokens, S side of a crop in pixels, H x W the padded input.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
            of_images: Unused; see ``LazyRoICrops``.
        """
        return RoICrops([function(each) for each in self.feature_maps], function(self.boxes), function(self.images))


@dataclass
class LazyRoICrops:
    """Crops that are taken, and encoded, when a part asks for them: of the tokens that are left by then."""
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1]
    inputs: Tensor  # float[B, 3, H, W], padded images
    pixel_mask: Tensor  # bool[B, H, W], True = real pixel
    encode: Callable[[Tensor, Tensor, Tensor], RoICrops]  # of inputs, pixel mask and boxes

    def compute(self) -> RoICrops:
        """The crops."""
        return self.encode(self.inputs, self.pixel_mask, self.boxes)

    def map(self, function: Callable[[Tensor], Tensor], of_images: bool) -> 'LazyRoICrops':
        """A function of tensors ``float[B, M, ...]`` applied to the boxes.

        Args:
            of_images: It acts on images, not on tokens, and is applied to the inputs, too.
        """
        crops = replace(self, boxes=function(self.boxes))
        if of_images:
            crops.inputs, crops.pixel_mask = function(self.inputs), function(self.pixel_mask)
        return crops
