from itertools import islice

import pytest
import torch
from mmdet.registry import DATASETS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from visionllm.datasets import seeded_sampling as module
from visionllm.datasets.seeded_sampling import SeededDataset, SeededSampler, seed_draws


@DATASETS.register_module()
class RandomSamples(Dataset):
    """Ten samples with random content."""
    metainfo = dict(classes=('thing', ))

    def __getitem__(self, index):
        return dict(index=index, noise=torch.rand(()))

    def __len__(self):
        return 10


def draws(count: int, workers: int = 0, skip: int = 0) -> list[tuple[int, float]]:
    config = dict(dataset=dict(type='RandomSamples'), sampler=dict(type='InfiniteSampler'), batch_size=2,
                  num_workers=workers)
    loader = Runner.build_dataloader(seed_draws(config, seed=3), seed=3)
    loader.sampler.skip(skip)
    batches = list(islice(loader, count))
    return [pair for batch in batches for pair in zip(batch['index'], batch['noise'])]


def test_samples_depend_neither_on_workers_nor_on_resuming():
    whole = draws(8)
    assert draws(8, workers=3) == whole and draws(5, workers=2, skip=6) == whole[6:]


def test_a_sample_differs_each_time_it_is_drawn():
    pairs = draws(10)
    first, again = dict(pairs[:10]), dict(pairs[10:])
    assert first.keys() == again.keys() == set(range(10)) and not set(first.values()) & set(again.values())


def test_two_processes_draw_the_samples_of_one(monkeypatch):
    one, two = draws(8), []
    for rank in range(2):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, 2))
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        two.append(draws(4))
    assert [pair for pairs in zip(*two) for pair in pairs] == one


@pytest.mark.parametrize('sampler, kind', [('InfiniteSampler', SeededSampler), ('DefaultSampler', None)])
def test_only_infinite_samplers_are_wrapped(sampler, kind):
    loader = seed_draws(dict(dataset=dict(type='RandomSamples'), sampler=dict(type=sampler)), seed=0)
    built = Runner.build_dataloader(loader | dict(batch_size=2), seed=0)
    assert isinstance(built.dataset, SeededDataset if kind else RandomSamples)
    assert isinstance(built.sampler, SeededSampler) == bool(kind)
