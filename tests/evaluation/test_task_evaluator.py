"""Metrics of several tasks over any number of processes: every sample counts once."""

import multiprocessing
import os

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import DefaultSampler

from visionllm.evaluation import TaskEvaluator

TASKS = ['captions', 'questions']


def sample(index: int) -> DetDataSample:
    """One of seven samples: three captions, then four questions, of which two are answered correctly."""
    found = DetDataSample(metainfo=dict(task=TASKS[index > 2], img_id=index, answer='two'))
    found.set_field('two' if index < 5 else 'none', 'pred_text', dtype=str)
    return found


def evaluate(rank: int, world: int, round_up: bool, answer) -> None:
    torch.distributed.init_process_group('gloo', init_method=f'file://{os.getcwd()}/meeting', rank=rank,
                                         world_size=world)
    evaluator = TaskEvaluator({task: dict(type='AnswerMetric', prefix=task) for task in TASKS})
    for index in DefaultSampler(range(7), shuffle=False, round_up=round_up):
        evaluator.process([sample(index)])
    try:
        answer.put(evaluator.evaluate(7))
    except ValueError as error:
        answer.put(str(error))
    torch.distributed.barrier()


def evaluate_processes(world: int, round_up: bool = False) -> list:
    """The result or error message of each process."""
    fork = multiprocessing.get_context('fork')  # inherits all imports
    answer = fork.SimpleQueue()
    processes = [fork.Process(target=evaluate, args=(rank, world, round_up, answer)) for rank in range(world)]
    for process in processes:
        process.start()
    metrics = [answer.get() for _ in processes]
    for process in processes:
        process.join()
    return metrics


@pytest.mark.parametrize('world', [1, 2, 3, 5, 8])
def test_every_sample_counts_once_at_any_number_of_processes(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right = {'captions/accuracy': 100.0, 'captions/empty': 0, 'questions/accuracy': 50.0, 'questions/empty': 0}
    assert evaluate_processes(world) == [right] * world


def test_padded_samples_raise_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for message in evaluate_processes(3, round_up=True):
        assert message.startswith('9 samples were evaluated and there are 7. Set round_up=False')


def test_a_task_without_metric_raises_an_error():
    evaluator = TaskEvaluator(dict(captions=dict(type='AnswerMetric')))
    with pytest.raises(ValueError, match="has the task 'questions' and the evaluator has metrics for captions"):
        evaluator.process([sample(5)])
