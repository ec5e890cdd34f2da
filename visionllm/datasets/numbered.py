"""Draws from a dataset are numbered, and what is random about a sample depends on its number alone.

Random generators that go on from where they were left cannot be resumed: those of the workers die with them. A
generator that starts anew from the seed and the number of the draw gives a resumed run, or one with other workers, the
very samples that it would have had.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmengine.dist import get_dist_info
from torch.utils.data import Dataset, Sampler


class Draw(NamedTuple):
    """An index into a dataset, and the number of the draw, counted through all processes."""
    index: int
    number: int


def seed_by(*numbers: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators by numbers of any size."""
    seeds = np.random.SeedSequence(numbers).generate_state(3).tolist()
    random.seed(seeds[0])
    np.random.seed(seeds[1])
    torch.manual_seed(seeds[2])


@DATASETS.register_module()
class NumberedDataset(Dataset):
    """A dataset whose samples are asked for by ``Draw``.

    Args:
        dataset: Config of the dataset.
        seed: Of the run.
    """

    def __init__(self, dataset: dict, seed: int):
        self.dataset, self.seed = DATASETS.build(dataset), seed
        self.metainfo = self.dataset.metainfo

    def __getitem__(self, draw: Draw) -> dict:
        seed_by(self.seed, draw.number)
        return self.dataset[draw.index]

    def __len__(self) -> int:
        return len(self.dataset)


@DATA_SAMPLERS.register_module()
class NumberedSampler(Sampler):
    """An endless sampler that numbers what it draws.

    Args:
        sampler: Config of the sampler; it must know how to ``skip``.
        dataset: To be drawn from.
        seed: Of the draws.
    """

    def __init__(self, sampler: dict, dataset: NumberedDataset, seed: int | None):
        self.sampler = DATA_SAMPLERS.build(sampler, default_args=dict(dataset=dataset.dataset, seed=seed))
        self.rank, self.world_size = get_dist_info()
        self.drawn = 0  # by this process

    def __iter__(self) -> Iterator[Draw]:
        for count, index in enumerate(self.sampler, self.drawn):
            yield Draw(index, count * self.world_size + self.rank)

    def __len__(self) -> int:
        return len(self.sampler)

    def skip(self, num_samples: int) -> None:
        """Start after that many draws of this process."""
        self.sampler.skip(num_samples)
        self.drawn = num_samples


def numbered(dataloader: dict, seed: int) -> dict:
    """A dataloader's config with its draws numbered, where its sampler is endless; as it is elsewhere."""
    if not hasattr(DATA_SAMPLERS.get(dataloader['sampler']['type']), 'skip'):
        return dataloader
    return {**dataloader,
            'dataset': dict(type='NumberedDataset', dataset=dataloader['dataset'], seed=seed),
            'sampler': dict(type='NumberedSampler', sampler=dataloader['sampler'])}
