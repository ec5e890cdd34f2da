"""Sampler that draws one task per batch with given weights (paper, section 4.1: joint training)."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dataset import ConcatDataset
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from visionllm.errors import ConfigError


@DATA_SAMPLERS.register_module()
class MixtureSampler(Sampler):
    """Infinite sampler of a ``ConcatDataset`` that draws ``batch_size`` consecutive indices from one of its datasets.

    All processes draw from the same dataset at the same step, and different samples of it. Within a dataset, every
    sample is drawn once before any is drawn again.

    Args:
        dataset: The concatenation, with one dataset per task.
        batch_size: Batch size of the dataloader.
        weights: Relative sampling weight of each dataset.
        seed: Seed of the sampling; if None, a random one that all processes share.

    Raises:
        ConfigError: The dataset is no concatenation; or there is not one weight per dataset, one is negative, or
            all are 0.
    """

    def __init__(self, dataset: ConcatDataset, batch_size: int, weights: list[float], seed: int | None = None):
        if not hasattr(dataset, 'datasets'):
            raise ConfigError(f'MixtureSampler needs a ConcatDataset, one dataset per task, and this one is a '
                              f'{type(dataset).__name__}. Use InfiniteSampler for a single dataset.')
        count = len(dataset.datasets)
        if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
            raise ConfigError(f'MixtureSampler needs one weight, not negative, for each of the {count} datasets, got '
                              f'{weights}.')
        self.sizes = [len(part) for part in dataset.datasets]
        self.starts = [0, *dataset.cumulative_sizes[:-1]]
        self.batch_size, self.probabilities = batch_size, np.asarray(weights) / sum(weights)
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.size, self.skipped = len(dataset), 0

    def __iter__(self) -> Iterator[int]:
        return islice(self._indices(), self.skipped, None)

    def _indices(self) -> Iterator[int]:
        rng = np.random.default_rng(self.seed)
        streams = [self._shuffled(part) for part in range(len(self.sizes))]
        while True:
            stream = streams[rng.choice(len(streams), p=self.probabilities)]
            indices = [next(stream) for _ in range(self.batch_size * self.world_size)]
            yield from indices[self.rank::self.world_size]

    def _shuffled(self, part: int) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, part])
        while True:
            yield from (self.starts[part] + rng.permutation(self.sizes[part])).tolist()

    def __len__(self) -> int:
        return self.size

    def skip(self, num_samples: int) -> None:
        """Start after ``num_samples`` samples of this process, to resume a training run."""
        self.skipped = num_samples

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: an infinite sampler has no epochs."""
