from collections import Counter
from itertools import islice

import pytest

from visionllm.datasets import mixture_sampler
from visionllm.datasets.mixture_sampler import MixtureSampler


class Tasks:
    datasets, cumulative_sizes = [range(5), range(100), range(7)], [5, 105, 112]

    def __len__(self):
        return 112


def task_of(index: int) -> int:
    return 0 if index < 5 else 1 if index < 105 else 2


def batches(sampler, count: int, size: int = 4) -> list[list[int]]:
    drawn = list(islice(iter(sampler), count * size))
    return [drawn[i:i + size] for i in range(0, len(drawn), size)]


def test_a_batch_has_one_task_and_tasks_have_their_weights():
    drawn = batches(MixtureSampler(Tasks(), 4, [1, 2, 1], seed=0), 400)
    assert all(len({task_of(i) for i in batch}) == 1 for batch in drawn)
    share = Counter(task_of(batch[0]) for batch in drawn)
    assert 160 < share[1] < 240 and 70 < share[0] < 130 and 70 < share[2] < 130


def test_every_sample_is_drawn_before_any_is_drawn_again():
    drawn = [i for batch in batches(MixtureSampler(Tasks(), 4, [0, 1, 0], seed=0), 50) for i in batch]
    assert sorted(drawn[:100]) == list(range(5, 105)) and sorted(drawn[100:]) == list(range(5, 105))
    assert drawn[:100] != drawn[100:]


def test_processes_draw_the_same_task_and_other_samples(monkeypatch):
    drawn = []
    for rank in range(2):
        monkeypatch.setattr(mixture_sampler, 'get_dist_info', lambda rank=rank: (rank, 2))
        drawn.append(batches(MixtureSampler(Tasks(), 4, [1, 2, 1], seed=3), 20))
    for first, second in zip(*drawn):
        assert task_of(first[0]) == task_of(second[0])
    assert not set(drawn[0][0]) & set(drawn[1][0]) or task_of(drawn[0][0][0]) != 1


def test_a_resumed_run_draws_the_same_samples():
    whole, resumed = MixtureSampler(Tasks(), 4, [1, 2, 1], seed=0), MixtureSampler(Tasks(), 4, [1, 2, 1], seed=0)
    resumed.skip(12)
    assert batches(whole, 20)[3:] == batches(resumed, 17)


@pytest.mark.parametrize('weights', [[1, 1], [1, -1, 1], [0, 0, 0]])
def test_bad_weights_raise_an_error(weights):
    with pytest.raises(ValueError, match='one weight, not negative, for each of the 3 datasets'):
        MixtureSampler(Tasks(), 4, weights, seed=0)
