"""Signals are noted, and heeded between two steps."""

import os
import signal
import threading

import pytest
from torch import nn

from visionllm.engine.interrupts import Interrupted, noted_signal, noting_signals
from visionllm.engine.pretraining.progress import StageProgress


@pytest.fixture
def noting():
    with noting_signals():
        yield


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM])
def test_a_stage_stops_before_its_next_step(noting, signum):
    steps = StageProgress().steps('reading', 10, 0, nn.Module(), None)
    assert next(steps) == 0
    os.kill(os.getpid(), signum)
    assert noted_signal() == signum
    with pytest.raises(Interrupted, match='step 1 of 10 of reading.*run it again') as raised:
        next(steps)
    assert raised.value.exit_code == 128 + signum


def test_the_second_ctrl_c_ends_at_once(noting):
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_signals_are_handled_as_before_even_after_an_error():
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(ValueError), noting_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError
    assert {signum: signal.getsignal(signum) for signum in before} == before and noted_signal() is None


def test_other_threads_note_nothing():
    done = []
    thread = threading.Thread(target=lambda: done.append(noting_signals().__enter__()))
    thread.start()
    thread.join()
    assert done == [None]
