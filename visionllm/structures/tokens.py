"""Containers that the parts of the model exchange. Masks: True = real.

Dimensions: B images, M image tokens per image, C token channels, N text tokens, D text channels, P contour points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .lazy_features import ImageFeatures, LazyFeatures
from .roi_crops import RoICrops


@dataclass
class TextFeatures:
    """Output of the text encoder. No text guidance is ``N = 0``, never None."""
    features: Tensor  # float[B, N, D]
    mask: Tensor  # bool[B, N]

    def __post_init__(self) -> None:
        if self.features.shape[:2] != self.mask.shape:
            raise ValueError(f'features {tuple(self.features.shape)} and mask {tuple(self.mask.shape)} disagree.')


@dataclass
class ImageTokens:
    """Output of the image tokenizer: embeddings e_i with locations l_i (paper, section 3.2), and objectness."""
    embeddings: Tensor  # float[B, M, C]
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1]; the location l_i is the center
    objectness: Tensor  # float[B, M] logits
    contours: Tensor | None = None  # float[B, M, P, 2] in [0, 1]; P = 0 where the tokenizer predicts none
    roi_crops: RoICrops | LazyFeatures[RoICrops] | None = None  # set by RoIRefiner or RoIEncoder
    image_features: LazyFeatures[ImageFeatures] | None = None  # set by RoIEncoder
    colours: LazyFeatures[Tensor] | None = None  # float[B, M, P, 11], set by RoIEncoder: of the pixels of P parts
    class_logits: Tensor | None = None  # float[B, M, K], log-odds of the classes of a published detector
    class_names: tuple[str, ...] = ()  # of these K classes

    def __post_init__(self) -> None:
        batch, count, _ = self.embeddings.shape
        if self.contours is None:
            self.contours = self.boxes.new_zeros(batch, count, 0, 2)
        if self.boxes.shape != (batch, count, 4) or self.objectness.shape != (batch, count):
            raise ValueError(f'{batch} x {count} tokens need boxes ({batch}, {count}, 4) and objectness ({batch}, '
                             f'{count}), got {tuple(self.boxes.shape)} and {tuple(self.objectness.shape)}.')

    @property
    def centers(self) -> Tensor:
        """``float[B, M, 2]``, the locations l_i in [0, 1] of the image's width and height."""
        return self.boxes[..., :2]

    @property
    def mask(self) -> Tensor:
        """``bool[B, M]``: of a published detector, tokens without extent are padding (``pad_detections``)."""
        if self.class_logits is None:
            return torch.ones_like(self.objectness, dtype=torch.bool)
        return (self.boxes[..., 2:] > 0).all(-1)

    def __getitem__(self, images: 'int | slice | Sequence[int] | Tensor') -> 'ImageTokens':
        return self._map(lambda values: values[images], of_images=True)

    def gather(self, index: Tensor) -> 'ImageTokens':
        """The tokens ``int[B, n]`` of each image."""
        return self._map(partial(gather_tokens, index=index), of_images=False)

    def detach(self) -> 'ImageTokens':
        """The same tokens without gradient."""
        return self._map(Tensor.detach, of_images=True)

    def _map(self, function: Callable[[Tensor], Tensor], of_images: bool) -> 'ImageTokens':
        crops, features, colours = (None if each is None else each.map(function, of_images)
                                    for each in (self.roi_crops, self.image_features, self.colours))
        classes = None if self.class_logits is None else function(self.class_logits)
        return ImageTokens(function(self.embeddings), function(self.boxes), function(self.objectness),
                           function(self.contours), crops, features, colours, classes, self.class_names)


def gather_tokens(values: Tensor, index: Tensor) -> Tensor:
    """Select ``int[B, n]`` of the tokens of ``float[B, M, ...]``: ``float[B, n, ...]``."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]
