"""Losses before they are averaged: what one process sees of a batch is not all of it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Mean:
    """A mean yet to be taken."""
    total: Tensor  # float[], what is averaged, added up
    count: Tensor | float  # of how many

    def __add__(self, other: 'Mean') -> 'Mean':
        return Mean(self.total + other.total, self.count + other.count)

    @property
    def value(self) -> Tensor:
        """The mean; 0 of nothing."""
        return self.total / torch.as_tensor(self.count).clamp_min(1)
