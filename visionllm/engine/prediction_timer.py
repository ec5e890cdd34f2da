"""Seconds that a test spends on predictions, of each task."""

import time
from collections import defaultdict
from collections.abc import Sequence

import torch
from mmdet.structures import DetDataSample
from mmengine.hooks import Hook
from mmengine.runner import Runner


class PredictionTimer(Hook):
    """Times the batches of a test, without loading; a batch of several tasks is shared among them by its samples.

    ``seconds`` holds the time by the name of the task, '' where samples have none.
    """

    def __init__(self):
        self.seconds: dict[str, float] = defaultdict(float)
        self._start = 0.0

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict) -> None:
        """Start the clock."""
        self._start = _now()

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence[DetDataSample]) -> None:
        """Stop the clock."""
        share = (_now() - self._start) / len(outputs)
        for sample in outputs:
            self.seconds[sample.get('task') or ''] += share


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
