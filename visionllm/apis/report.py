"""Rows of figures as a table and as a chart, ours beside the paper's."""

from collections.abc import Mapping
from pathlib import Path

Rows = Mapping[str, Mapping[str, float]]
DIGITS = '100.0'
COSTS = ('minutes', 'seconds_a_picture')
DECIMALS = dict(seconds_a_picture=3)  # one otherwise


def table(rows: Rows, paper: Rows | None = None) -> str:
    """One line a row, one column a figure; the paper's rows below, under the same columns."""
    columns = {name: max(len(name), len(DIGITS)) + 2 for name in columns_of(rows)}
    width = max(map(len, [*rows, *(paper or ()), 'the paper']))
    lines = [' ' * width + ''.join(f'{name:>{room}s}' for name, room in columns.items())]
    lines += [_line(name, row, columns, width) for name, row in rows.items()]
    if paper:
        lines += ['the paper'] + [_line(name, row, columns, width) for name, row in paper.items()]
    return '\n'.join(lines)


def columns_of(rows: Rows) -> list[str]:
    """The figures that any row has, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def drawn(rows: Rows, paper: Rows) -> list[str]:
    """The figures to draw: those that rows can be compared by, the paper's first."""
    shared = [name for name in columns_of(rows) if sum(name in row for row in rows.values()) >= min(2, len(rows))]
    return sorted((name for name in shared if name not in COSTS),
                  key=lambda name: not any(name in row for row in paper.values()))


def _line(name: str, row: Mapping[str, float], columns: Mapping[str, int], width: int) -> str:
    values = (f'{row[column]:{room}.{DECIMALS.get(column, 1)}f}' if column in row else f'{"-":>{room}s}'
              for column, room in columns.items())
    return f'{name:{width}s}' + ''.join(values)


def chart(rows: Rows, paper: Rows | None, path: Path) -> None:
    """Bars of each row, a panel for each of at most six figures; the paper's in grey below ours, which are of other
    pictures: what compares is how the rows differ."""
    pyplot = _pyplot()
    columns = drawn(rows, paper or {})[:6]
    bars = [(name, row, 'tab:blue') for name, row in rows.items()]
    bars += [(f'paper: {name}', row, 'tab:gray') for name, row in (paper or {}).items()]
    height = 1 + 0.3 * len(bars)
    _, panels = pyplot.subplots(1, len(columns), figsize=(2 + 3 * len(columns), height), sharey=True, squeeze=False)
    for panel, column in zip(panels[0], columns):
        shown = panel.barh([name for name, _, _ in bars], [row.get(column, 0) for _, row, _ in bars],
                           color=[colour for _, _, colour in bars])
        panel.bar_label(shown, [f'{row[column]:.1f}' if column in row else '' for _, row, _ in bars], padding=2)
        panel.set_title(column)
    _save(list(panels[0]), path)


def bars(figures: Mapping[str, float], unit: str, path: Path) -> None:
    """One bar a figure, on a logarithmic scale."""
    _, panel = _pyplot().subplots(figsize=(8, 1 + 0.3 * len(figures)))
    panel.bar_label(panel.barh(list(figures), list(figures.values()), color='tab:blue'), fmt='%.3f', padding=2)
    panel.set_xscale('log')
    panel.set_xlabel(unit)
    _save([panel], path)


def _pyplot():
    """Matplotlib, which takes a while to load, without a window."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    return pyplot


def _save(panels: list, path: Path) -> None:
    """Panels of bars beside one another, the first row on top."""
    for panel in panels:
        panel.margins(x=0.2)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].invert_yaxis()
    pyplot = _pyplot()
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=110)
    pyplot.close()
