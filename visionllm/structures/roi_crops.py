"""Crops of the input image around the boxes of image tokens.

Dimensions: B images, M image tokens, S side of a crop in pixels, I input images of H x W.
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
    image_index: Tensor  # int[B], which of the inputs; a selection of images must not copy their pixels
    inputs: Tensor  # float[I, 3, H, W], padded images
    pixel_mask: Tensor  # bool[I, H, W], True = real pixel
    encode: Callable[[Tensor, Tensor, Tensor], RoICrops]  # of images, pixel mask and boxes

    def compute(self) -> RoICrops:
        """The crops."""
        return self.encode(self.inputs[self.image_index], self.pixel_mask[self.image_index], self.boxes)

    def map(self, function: Callable[[Tensor], Tensor], of_images: bool) -> 'LazyRoICrops':
        """A function of tensors ``float[B, M, ...]`` applied to the boxes.

        Args:
            of_images: It acts on images, not on tokens, and is applied to ``image_index``, too.
        """
        index = function(self.image_index) if of_images else self.image_index
        return replace(self, boxes=function(self.boxes), image_index=index)
