"""What travels between the parts. Masks: True = real.

Letters: B pictures, M image tokens a picture, C channels of the connector, N text tokens, D text channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor


@dataclass
class TextFeatures:
    """The prompt as the text encoder sees it. No guidance is ``N = 0``, never None."""
    features: Tensor  # float[B, N, D]
    mask: Tensor  # bool[B, N]

    def __post_init__(self):
        if self.features.shape[:2] != self.mask.shape:
            raise ValueError(f'features {tuple(self.features.shape)} and mask {tuple(self.mask.shape)} disagree.')


@dataclass
class CloseUps:
    """What the places of image tokens look like close up."""
    maps: list[Tensor]  # float[B, M, C', H', W'] each, the finest first
    frames: Tensor  # float[B, M, 4] cxcywh in [0, 1]: the part of the picture that they show
    pictures: Tensor  # float[B, M, 3, P, P], that part itself


@dataclass
class ImageTokens:
    """A picture as M words of a foreign language: embedding e_i, place, and whether anything is there."""
    embeddings: Tensor  # float[B, M, C]
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1]; the place l_i is the centre
    objectness: Tensor  # float[B, M] logits
    rings: Tensor | None = None  # float[B, M, P, 2] outlines in [0, 1]; no points, P = 0, where none are known
    close_ups: CloseUps | None = None  # where somebody took some

    def __post_init__(self):
        batch, count, _ = self.embeddings.shape
        if self.rings is None:
            self.rings = self.boxes.new_zeros(batch, count, 0, 2)
        if self.boxes.shape != (batch, count, 4) or self.objectness.shape != (batch, count):
            raise ValueError(f'{batch} x {count} tokens need boxes ({batch}, {count}, 4) and objectness ({batch}, '
                             f'{count}), got {tuple(self.boxes.shape)} and {tuple(self.objectness.shape)}.')

    @property
    def centres(self) -> Tensor:
        """``float[B, M, 2]``, the places l_i in [0, 1] of the picture's width and height."""
        return self.boxes[..., :2]

    def __getitem__(self, pictures) -> 'ImageTokens':
        return self._each(lambda values: values[pictures])

    def pick(self, index: Tensor) -> 'ImageTokens':
        """The tokens ``int[B, n]`` of each picture."""
        return self._each(partial(taken, index=index))

    def detach(self) -> 'ImageTokens':
        """The same, from which nothing is learned."""
        return self._each(Tensor.detach)

    def _each(self, take: Callable[[Tensor], Tensor]) -> 'ImageTokens':
        seen = self.close_ups
        close_ups = seen and CloseUps([take(each) for each in seen.maps], take(seen.frames), take(seen.pictures))
        return ImageTokens(take(self.embeddings), take(self.boxes), take(self.objectness), take(self.rings), close_ups)


def taken(values: Tensor, index: Tensor) -> Tensor:
    """Of ``values[B, M, ...]`` those at ``int[B, n]``: ``[B, n, ...]``."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]
