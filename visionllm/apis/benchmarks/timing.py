"""Timing of the rows of a suite."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import torch

Rows = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Suite:
    """Functions to time by row name, and ratios.

    Args:
        rows: The functions.
        ratios: By name, the rows of numerator and denominator, and a factor.
        values: Further ratios by name, which are not of times.
    """
    rows: Rows
    ratios: Mapping[str, tuple[str, str, float]]
    values: Mapping[str, float] = field(default_factory=dict)

    def compare(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """All ratios, from the seconds of each row."""
        return {name: factor * seconds[numerator] / seconds[denominator]
                for name, (numerator, denominator, factor) in self.ratios.items()} | dict(self.values)


def time_rows(rows: Rows, repeats: int = 5, min_seconds: float = 0.5) -> dict[str, float]:
    """Median seconds of each row. The rows take turns, so that other load on the machine affects all of them.

    Args:
        rows: The functions to time.
        repeats: Turns of each row, after one to warm up.
        min_seconds: Minimum length of a turn; short functions are called several times.
    """
    seconds = {}
    for _ in range(repeats + 1):
        for name, run in rows.items():
            seconds.setdefault(name, []).append(time_turn(run, min_seconds))
    return {name: statistics.median(chain(*turns[1:])) for name, turns in seconds.items()}


def time_turn(run: Callable[[], object], min_seconds: float) -> list[float]:
    """Seconds of each call of a function that is called at least once, and until ``min_seconds`` have passed."""
    seconds = []
    while not seconds or sum(seconds) < min_seconds:
        start = time.perf_counter()
        run()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # calls return before the GPU is done
        seconds.append(time.perf_counter() - start)
    return seconds
