"""What is timed against what, in one process."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

Rows = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Suite:
    """Rows to time, and which of them are compared: a name to its two rows, and how often the first is taken. And
    ratios of something else than time."""
    rows: Rows
    ratios: Mapping[str, tuple[str, str, float]]
    others: Mapping[str, float] = field(default_factory=dict)

    def compare(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """All ratios."""
        return {name: times * seconds[one] / seconds[other]
                for name, (one, other, times) in self.ratios.items()} | dict(self.others)


def timed(rows: Rows, repeats: int = 5) -> dict[str, float]:
    """Median seconds of each row. Rows take turns, so that what slows the machine for a while slows them all."""
    seconds = {name: [] for name in rows}
    for turn in range(repeats + 1):
        for name, run in rows.items():
            start = time.perf_counter()
            run()
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()  # a GPU works on after the call has returned
            if turn:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}
