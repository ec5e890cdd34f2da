"""Losses as sums and counts, so that parts of a batch, also on several processes, can be averaged correctly."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class LossTerm:
    """A mean, as sum and number of elements."""
    total: Tensor  # float[], sum of the elements
    count: Tensor | float  # number of elements

    def __add__(self, other: 'LossTerm') -> 'LossTerm':
        return LossTerm(self.total + other.total, self.count + other.count)

    @property
    def value(self) -> Tensor:
        """The mean ``float[]``; 0 of no elements."""
        return self.total / torch.as_tensor(self.count).clamp_min(1)
