"""Results as text tables and bar charts, next to the paper's."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np

Rows = Mapping[str, Mapping[str, float]]
COSTS = ('minutes', 'seconds_per_image', 'seconds_to_read', 'MB')
DECIMALS = dict(seconds_per_image=3, seconds_to_read=2)  # one otherwise
MIN_COLUMN = len('100.0')
MAX_PANELS = 6


def table(rows: Rows, paper: Rows | None = None) -> str:
    """One line per row and one column per metric; the paper's rows below, in the same columns."""
    columns = {name: max(len(name), MIN_COLUMN) + 2 for name in columns_of(rows)}
    width = max(map(len, [*rows, *(paper or ()), 'the paper']))
    lines = [' ' * width + ''.join(f'{name:>{space}s}' for name, space in columns.items())]
    lines += [_line(name, row, columns, width) for name, row in rows.items()]
    if paper:
        lines += ['the paper'] + [_line(name, row, columns, width) for name, row in paper.items()]
    return '\n'.join(lines)


def columns_of(rows: Rows) -> list[str]:
    """The metrics of all rows, in order of first occurrence."""
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def chart_columns(rows: Rows, paper: Rows) -> list[str]:
    """The metrics to draw: those that at least two rows have (or the only row), the paper's first."""
    shared = [name for name in columns_of(rows) if sum(name in row for row in rows.values()) >= min(2, len(rows))]
    return sorted((name for name in shared if name not in COSTS),
                  key=lambda name: not any(name in row for row in paper.values()))


def _line(name: str, row: Mapping[str, float], columns: Mapping[str, int], width: int) -> str:
    values = (f'{row[column]:{space}.{DECIMALS.get(column, 1)}f}' if column in row else f'{"-":>{space}s}'
              for column, space in columns.items())
    return f'{name:{width}s}' + ''.join(values)


def chart(rows: Rows, paper: Rows | None, path: Path) -> None:
    """Draw a bar per row, in a panel for each of at most six metrics.

    The paper's rows are grey and below; they were measured on other images, so only differences between rows compare.
    """
    pyplot = pyplot_without_window()
    columns = chart_columns(rows, paper or {})[:MAX_PANELS]
    bars = [(name, row, 'tab:blue') for name, row in rows.items()]
    bars += [(f'paper: {name}', row, 'tab:gray') for name, row in (paper or {}).items()]
    height = 1 + 0.3 * len(bars)
    _, panels = pyplot.subplots(1, len(columns), figsize=(2 + 3 * len(columns), height), sharey=True, squeeze=False)
    for panel, column in zip(panels[0], columns):
        container = panel.barh([name for name, _, _ in bars], [row.get(column, 0) for _, row, _ in bars],
                               color=[color for _, _, color in bars])
        panel.bar_label(container, [f'{row[column]:.1f}' if column in row else '' for _, row, _ in bars], padding=2)
        panel.set_title(column)
    _save_bars(list(panels[0]), path)


def log_bars(values: Mapping[str, float], unit: str, path: Path) -> None:
    """Draw a bar per value, on a logarithmic scale."""
    _, panel = pyplot_without_window().subplots(figsize=(8, 1 + 0.3 * len(values)))
    panel.bar_label(panel.barh(list(values), list(values.values()), color='tab:blue'), fmt='%.3f', padding=2)
    panel.set_xscale('log')
    panel.set_xlabel(unit)
    _save_bars([panel], path)


def draw_calibration(scores: np.ndarray, correct: np.ndarray, total: int,
                     path: str | BinaryIO) -> None:
    """Draw the precision-recall curve and the reliability diagram of detections.

    Args:
        scores: ``float[n]``, descending.
        correct: ``bool[n]``, which detections are true positives.
        total: Number of objects.
        path: Of the image file to write, or an open one.
    """
    pyplot = pyplot_without_window()
    true_positives = correct.cumsum()
    _, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4))
    left.plot(true_positives / max(total, 1), true_positives / np.arange(1, len(correct) + 1))
    left.set(xlabel='recall', ylabel='precision at IoU 0.5', xlim=(0, 1), ylim=(0, 1.02))
    index = np.minimum((scores * 10).astype(int), 9)
    filled = [b for b in range(10) if (index == b).any()]
    right.plot([0, 1], [0, 1], color='grey', linewidth=1)
    right.plot([scores[index == b].mean() for b in filled], [correct[index == b].mean() for b in filled], 'o-')
    right.set(xlabel='score of a tuple', ylabel='share correct', xlim=(0, 1), ylim=(0, 1),
              xticks=np.linspace(0, 1, 11)[::2])
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=110)
    pyplot.close()


def pyplot_without_window() -> ModuleType:
    """Matplotlib without a window, imported when it is needed: it is slow to load."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    return pyplot


def _save_bars(panels: list, path: Path) -> None:
    """Save panels of horizontal bars, the first bar on top."""
    for panel in panels:
        panel.margins(x=0.2)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].invert_yaxis()
    pyplot = pyplot_without_window()
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=110)
    pyplot.close()
