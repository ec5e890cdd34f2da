"""One task a batch, tasks drawn with stated weights (paper, section 4.1: joint training)."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dataset import ConcatDataset
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class MixtureSampler(Sampler):
    """Endless indices into a ``ConcatDataset``, ``batch_size`` in a row from the same of its datasets.

    All processes draw the same dataset at the same time, and different samples of it. Within a dataset every sample
    is drawn once before any is drawn again.

    Args:
        dataset: The concatenation; its datasets are the tasks.
        batch_size: That of the dataloader.
        weights: How often each dataset is drawn, in any unit; one number a dataset.
        seed: Of the draws; shared by all processes if None.

    Raises:
        ValueError: The weights do not fit the datasets.
    """

    def __init__(self, dataset: ConcatDataset, batch_size: int, weights: list[float], seed: int | None = None):
        count = len(dataset.datasets)
        if len(weights) != count or min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(f'MixtureSampler needs one weight, not negative, for each of the {count} datasets, got '
                             f'{weights}.')
        self.sizes = [len(part) for part in dataset.datasets]
        self.starts = [0, *dataset.cumulative_sizes[:-1]]
        self.batch_size, self.shares = batch_size, np.asarray(weights) / sum(weights)
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.size, self.skipped = len(dataset), 0

    def __iter__(self) -> Iterator[int]:
        return islice(self._indices(), self.skipped, None)

    def _indices(self) -> Iterator[int]:
        rng = np.random.default_rng(self.seed)
        streams = [self._shuffled(part) for part in range(len(self.sizes))]
        while True:
            stream = streams[rng.choice(len(streams), p=self.shares)]
            drawn = [next(stream) for _ in range(self.batch_size * self.world_size)]
            yield from drawn[self.rank::self.world_size]

    def _shuffled(self, part: int) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, part])
        while True:
            yield from (self.starts[part] + rng.permutation(self.sizes[part])).tolist()

    def __len__(self) -> int:
        return self.size

    def skip(self, num_samples: int) -> None:
        """Start after that many draws of this process, where a training run is resumed."""
        self.skipped = num_samples

    def set_epoch(self, epoch: int) -> None:
        """An endless sampler has no epochs."""
