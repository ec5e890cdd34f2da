"""Random augmentation that is reproducible over resumed runs and any number of dataloader workers.

The state of the workers' random generators is lost when a run stops. Here the generators are seeded for each sample by
the seed of the run and the number of the draw, so that a resumed run, or a run with another number of workers, gets
the same samples.
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
    """Index into a dataset, and number of the draw, counted over all processes."""
    index: int
    number: int


def seed_all(*numbers: int) -> None:
    """Seed the global generators of Python, NumPy and PyTorch by integers of any size."""
    seeds = np.random.SeedSequence(numbers).generate_state(3).tolist()
    random.seed(seeds[0])
    np.random.seed(seeds[1])
    torch.manual_seed(seeds[2])


def seeded_generator() -> np.random.Generator:
    """A NumPy generator that depends on the state of PyTorch's global one."""
    return np.random.default_rng(torch.randint(2**62, ()).item())


@DATASETS.register_module()
class SeededDataset(Dataset):
    """Wrapper of a dataset that is indexed by ``Draw`` and seeds all generators for each sample.

    Args:
        dataset: Config of the dataset.
        seed: Seed of the run.
    """

    def __init__(self, dataset: dict, seed: int):
        self.dataset, self.seed = DATASETS.build(dataset), seed
        self.metainfo = self.dataset.metainfo

    def __getitem__(self, draw: Draw) -> dict:
        seed_all(self.seed, draw.number)
        return self.dataset[draw.index]

    def __len__(self) -> int:
        return len(self.dataset)


@DATA_SAMPLERS.register_module()
class SeededSampler(Sampler):
    """Wrapper of an infinite sampler that yields ``Draw`` tuples.

    Args:
        sampler: Config of the sampler, which must have a method ``skip``.
        dataset: Dataset to sample from.
        seed: Seed of the sampler.
    """

    def __init__(self, sampler: dict, dataset: SeededDataset, seed: int | None):
        self.sampler = DATA_SAMPLERS.build(sampler, default_args=dict(dataset=dataset.dataset, seed=seed))
        self.rank, self.world_size = get_dist_info()
        self.num_drawn = 0  # by this process

    def __iter__(self) -> Iterator[Draw]:
        for count, index in enumerate(self.sampler, self.num_drawn):
            yield Draw(index, count * self.world_size + self.rank)

    def __len__(self) -> int:
        return len(self.sampler)

    def skip(self, num_samples: int) -> None:
        """Start after ``num_samples`` samples of this process, to resume a training run."""
        self.sampler.skip(num_samples)
        self.num_drawn = num_samples


def seed_draws(dataloader: dict, seed: int) -> dict:
    """Wrap the dataset and sampler of a dataloader config if its sampler can ``skip``; else return it unchanged.

    Args:
        dataloader: Config of a dataloader.
        seed: Seed of the run.
    """
    if not hasattr(DATA_SAMPLERS.get(dataloader['sampler']['type']), 'skip'):
        return dataloader
    return {**dataloader,
            'dataset': dict(type='SeededDataset', dataset=dataloader['dataset'], seed=seed),
            'sampler': dict(type='SeededSampler', sampler=dataloader['sampler'])}
