"""Ctrl-C and SIGTERM in training: what was learned is kept, and a sentence says how to go on.

A signal is noted, and heeded between two steps, so that a checkpoint is whole. The second Ctrl-C ends the process at
once.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner

from visionllm.errors import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
DISTRIBUTED_INTERVAL = 10  # steps between two questions of whether any process was interrupted
_noted: list[int] = []


class Interrupted(UserError):
    """Training was stopped by a signal; the message says how to go on.

    Args:
        message: One or two sentences.
        signum: Number of the signal.
    """

    def __init__(self, message: str, signum: int):
        super().__init__(message)
        self.exit_code = 128 + signum


@contextmanager
def noting_signals() -> Iterator[None]:
    """Note SIGINT and SIGTERM within this context, in the main thread; Python handles no signals in others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _note) for signum in SIGNALS}
    try:
        yield
    finally:
        _noted.clear()
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _note(signum: int, frame: FrameType | None) -> None:
    _noted.append(signum)
    if signum == signal.SIGINT:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def noted_signal(step: int = 0) -> int | None:
    """A signal that this process, or at every tenth step any process, has got; None if there is none.

    Args:
        step: Of the training, the same in all processes.
    """
    own = _noted[0] if _noted else 0
    if not is_distributed():
        return own or None
    if step % DISTRIBUTED_INTERVAL:
        return None
    signum = torch.tensor(own)
    all_reduce(signum, 'max')
    return int(signum) or None


@HOOKS.register_module()
class SaveOnInterrupt(Hook):
    """Saves a checkpoint and ends the training when it is interrupted; ``StrictRunner`` notes the signals."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Save what the steps before have learned, if the training was interrupted.

        Raises:
            Interrupted: It was.
        """
        signum = noted_signal(runner.iter)
        if signum is None:
            return
        if runner.iter == 0:
            raise Interrupted('The training was interrupted before its first step. Finished pre-training stages are '
                              'kept: run it again.', signum)
        name = f'iter_{runner.iter}.pth'
        meta = dict(iter=runner.iter, epoch=runner.epoch)  # mmengine's own are of the step that was not done
        runner.save_checkpoint(runner.work_dir, name, meta=meta, by_epoch=False)
        raise Interrupted(f'The training was interrupted; its {runner.iter} steps are in {runner.work_dir}/{name}. Go '
                          'on with --resume.', signum)
