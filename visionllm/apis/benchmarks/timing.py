"""What is timed against what, in one process."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain

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


def timed(rows: Rows, repeats: int = 5, turn: float = 0.5) -> dict[str, float]:
    """Median seconds of each row. Rows take turns, so that what slows the machine for a while slows them all.

    Args:
        repeats: Turns of each, after one to warm up.
        turn: Seconds of a turn at least: quick rows are run several times.
    """
    seconds = {}
    for _ in range(repeats + 1):
        for name, run in rows.items():
            seconds.setdefault(name, []).append(a_turn(run, turn))
    return {name: statistics.median(chain(*turns[1:])) for name, turns in seconds.items()}


def a_turn(run: Callable[[], object], least: float) -> list[float]:
    """Seconds of one run, and of more until so many seconds have passed."""
    seconds = []
    while not seconds or sum(seconds) < least:
        start = time.perf_counter()
        run()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # a GPU works on after the call has returned
        seconds.append(time.perf_counter() - start)
    return seconds
