"""What an image encoder sees, computed when a part asks for it, of the image tokens that are left by then.

Dimensions: B images, M image tokens, C channels, G cells of a grid, I input images of H x W.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from torch import Tensor

Result = TypeVar('Result')


@dataclass
class ImageFeatures:
    """Features of an image at the boxes of its tokens, and in a grid over all of it."""
    tokens: Tensor  # float[B, M, C]
    grid: Tensor  # float[B, G, C], row by row


@dataclass
class LazyFeatures(Generic[Result]):
    """Features that depend on the tokens' boxes: ``RoICrops``, ``ImageFeatures``."""
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1]
    image_index: Tensor  # int[B], which of the inputs; a selection of images must not copy their pixels
    inputs: Tensor  # float[I, 3, H, W], padded images
    pixel_mask: Tensor  # bool[I, H, W], True = real pixel
    encode: Callable[[Tensor, Tensor, Tensor], Result]  # of images, pixel mask and boxes

    def compute(self) -> Result:
        """The features."""
        return self.encode(self.inputs[self.image_index], self.pixel_mask[self.image_index], self.boxes)

    def map(self, function: Callable[[Tensor], Tensor], of_images: bool) -> 'LazyFeatures[Result]':
        """A function of tensors ``float[B, M, ...]`` applied to the boxes.

        Args:
            of_images: It acts on images, not on tokens, and is applied to ``image_index``, too.
        """
        index = function(self.image_index) if of_images else self.image_index
        return replace(self, boxes=function(self.boxes), image_index=index)
