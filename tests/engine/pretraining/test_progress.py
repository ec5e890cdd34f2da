"""A stage that was interrupted or killed goes on where it was, and ends with the same weights."""

import random
import signal

import pytest
import torch

from visionllm.engine.interrupts import Interrupted
from visionllm.engine.pretraining import PretrainingHook, progress
from visionllm.engine.pretraining.progress import StageProgress

from ...conftest import tiny_runner

STAGES = [dict(type='ClassMapReading', name='reading', steps=4, texts=2, exercises=dict(names=0.5, kinds=0.5)),
          dict(type='RoIClassification', name='crops', steps=4),
          dict(type='TokenWordAlignment', name='words', steps=4)]
STEPS = sum(stage['steps'] for stage in STAGES)


class Killed(Exception):
    """What a process that is killed does not get to."""


def pretrain(folder, work_dir):
    """The weights after all stages, each of which takes its batches from a dataloader of its own."""
    runner = tiny_runner(work_dir)
    PretrainingHook(STAGES, str(folder)).before_train(runner)
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    state = pretrain(folder / 'stages', folder / 'work')
    assert not list(folder.glob('stages/*.progress'))
    return state


def assert_equal(state, other):
    for name, value in state.items():
        assert torch.equal(other[name], value), name


def test_stages_that_are_interrupted_again_and_again_end_with_the_same_weights(whole, tmp_path, monkeypatch):
    steps = iter(range(10**6))
    monkeypatch.setattr(progress, 'noted_signal', lambda step: signal.SIGTERM if next(steps) % 3 == 2 else None)
    messages = []
    while True:
        try:
            state = pretrain(tmp_path / 'stages', tmp_path / 'work')
            break
        except Interrupted as interrupted:
            messages.append(str(interrupted))
    assert len(messages) > STEPS / 3 and 'step 2 of 4 of reading' in messages[0] and 'goes on there' in messages[0]
    assert_equal(whole, state)


@pytest.mark.parametrize('seed', [1, 2])
def test_stages_that_are_killed_end_with_the_same_weights(whole, tmp_path, monkeypatch, seed):
    rng, steps = random.Random(seed), StageProgress.steps
    monkeypatch.setattr(progress, 'SAVE_INTERVAL', 2)

    def steps_until_killed(*args):
        for step in steps(*args):
            yield step
            if rng.random() < 0.2:
                raise Killed
    monkeypatch.setattr(StageProgress, 'steps', steps_until_killed)
    killed = 0
    while True:
        try:
            state = pretrain(tmp_path / 'stages', tmp_path / 'work')
            break
        except Killed:
            killed += 1
    assert killed
    assert_equal(whole, state)
