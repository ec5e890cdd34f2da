"""Augmentation of photographs by albumentations."""

import numpy as np
from mmdet.datasets.transforms import Albu
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SeededAlbu(Albu):
    """``Albu`` that draws from NumPy's global generator.

    albumentations 2 has random generators of its own, which the seed of a run does not reach (``seeded_sampling``), and
    a seed given to the whole composition would be the same for each of its transforms: all or none of those with one
    probability would be applied. So each is given its own seed for each image.

    Args:
        *args, **kwargs: As in ``Albu``.
    """

    def transform(self, results: dict) -> dict | None:
        for step in self.aug.transforms:
            step.set_random_seed(int(np.random.randint(2**31)))
        return super().transform(results)
