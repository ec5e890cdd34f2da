from itertools import islice

import pytest
import torch
from mmdet.registry import DATASETS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from visionllm.datasets import numbered as module
from visionllm.datasets.numbered import NumberedDataset, NumberedSampler, numbered


@DATASETS.register_module()
class Shaken(Dataset):
    """Ten samples, each with something random about it."""
    metainfo = dict(classes=('thing', ))

    def __getitem__(self, index):
        return dict(index=index, noise=torch.rand(()))

    def __len__(self):
        return 10


def draws(count: int, workers: int = 0, skip: int = 0) -> list[tuple[int, float]]:
    config = dict(dataset=dict(type='Shaken'), sampler=dict(type='InfiniteSampler'), batch_size=2,
                  num_workers=workers)
    loader = Runner.build_dataloader(numbered(config, seed=3), seed=3)
    loader.sampler.skip(skip)
    batches = list(islice(loader, count))
    return [pair for batch in batches for pair in zip(batch['index'], batch['noise'])]


def test_what_is_drawn_depends_neither_on_workers_nor_on_where_a_run_was_resumed():
    whole = draws(8)
    assert draws(8, workers=3) == whole and draws(5, workers=2, skip=6) == whole[6:]


def test_a_sample_is_another_each_time_it_is_drawn():
    pairs = draws(10)
    first, again = dict(pairs[:10]), dict(pairs[10:])
    assert first.keys() == again.keys() == set(range(10)) and not set(first.values()) & set(again.values())


def test_two_processes_draw_what_one_would(monkeypatch):
    one, two = draws(8), []
    for rank in range(2):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, 2))
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        two.append(draws(4))
    assert [pair for pairs in zip(*two) for pair in pairs] == one


@pytest.mark.parametrize('sampler, kind', [('InfiniteSampler', NumberedSampler), ('DefaultSampler', None)])
def test_endless_samplers_alone_are_numbered(sampler, kind):
    loader = numbered(dict(dataset=dict(type='Shaken'), sampler=dict(type=sampler)), seed=0)
    built = Runner.build_dataloader(loader | dict(batch_size=2), seed=0)
    assert isinstance(built.dataset, NumberedDataset if kind else Shaken)
    assert isinstance(built.sampler, NumberedSampler) == bool(kind)
