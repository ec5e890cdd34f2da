"""Random layouts: the same things at other places, mirrored, narrower or elsewhere in the image. What lies where is all
that expressions such as "the leftmost dog" speak of, so a layout gives new ones without a new image.

Dimensions: n boxes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MIRRORED = (0.5, 0.3)  # probabilities that left and right, top and bottom are exchanged
MOVED = 0.6  # probability that the layout is made smaller
MIN_SCALE = 0.6


@dataclass(frozen=True)
class RandomLayout:
    """Mirrors an image's boxes and fits them into a part of it."""
    mirrored: tuple[bool, bool]  # horizontally, vertically
    scale: tuple[float, float]  # of width and height
    shift: tuple[float, float]  # of the origin, in [0, 1] of width and height

    @classmethod
    def draw(cls, rng: np.random.Generator) -> 'RandomLayout':
        """A layout; both sides have one scale in half of those that are smaller."""
        mirrored = tuple(bool(rng.random() < share) for share in MIRRORED)
        scale = (1.0, 1.0)
        if rng.random() < MOVED:
            width, height = rng.uniform(MIN_SCALE, 1, 2).tolist()
            scale = (width, height) if rng.random() < 0.5 else (width, width)
        shift = tuple(rng.random() * (1 - each) for each in scale)
        return cls(mirrored, scale, shift)

    def __call__(self, boxes: Tensor) -> Tensor:
        """Boxes ``float[n, 4]`` (cxcywh in [0, 1]) of the layout."""
        center, size = boxes.split(2, -1)
        scale, shift = boxes.new_tensor(self.scale), boxes.new_tensor(self.shift)
        center = torch.where(torch.tensor(self.mirrored, device=boxes.device), 1 - center, center)
        return torch.cat([center * scale + shift, size * scale], -1)
