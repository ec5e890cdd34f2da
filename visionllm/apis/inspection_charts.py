"""Drawings of what happens inside a model.

Dimensions: H, W an image, R rows, C columns, T text tokens, M image tokens, P samples.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .charts import pyplot_without_window
from .inspection import Attention, Reading, WordClasses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110
CELL, LABELS = 0.36, 2.4  # inches: a cell of a table, and the room for its labels
TOKEN_COLOR, OWN_COLOR = 'tab:orange', 'tab:red'


def draw_words(words: WordClasses, path: Path, count: int) -> None:
    """A heat map of class names and words: of each class those that belong to it most, strongest first."""
    strongest = np.argsort(-words.probability[:, :-1], axis=0, kind='stable')  # [V, K]
    order = list(dict.fromkeys(strongest[:-(-count // strongest.shape[1])].T.ravel().tolist()))
    draw_table(words.probability[order].T, words.names, [words.words[word] for word in order], path,
               'word of the detector', 1.0)


def draw_classes(reading: Reading, path: Path, count: int) -> None:
    """The best image tokens on the image, and a heat map of their class logits."""
    best = reading.best_tokens(count)
    pyplot = pyplot_without_window()
    height = max(4.0, LABELS + CELL * (len(reading.names) + 1))
    _, (left, right) = pyplot.subplots(1, 2, figsize=(6 + LABELS + 1.3 * CELL * count, height))
    _show(left, reading.image)
    for number, token in enumerate(best, 1):
        _box(left, reading.boxes[token], f'C{(number - 1) % 10}', str(number))
    labels = [f'{number}: {reading.scores[token].max():.2f}' for number, token in enumerate(best, 1)]
    fill_table(right, reading.logits[best].T, [*reading.names, 'no object'], labels, None)
    right.set(xlabel='image token: score of its best class', title='class logits')
    _save(pyplot, path)


def draw_attention(reading: Reading, attention: Attention, path: Path, count: int, texts: int = 12) -> None:
    """A row for each of the best answers: image tokens by how much they are attended to, and the strongest text.

    The first token has no bar: language models attend to it where they attend to nothing (attention sink).
    """
    best = reading.best_tokens(count)
    pyplot = pyplot_without_window()
    _, rows = pyplot.subplots(len(best), 2, figsize=(10, 4 * len(best)), squeeze=False)
    for token, (left, right) in zip(best, rows):
        _show(left, reading.image)
        weights = attention.to_image[token]
        if weights.size:
            centers = reading.boxes.reshape(-1, 2, 2).mean(1)
            left.scatter(*centers.T, s=20 + 900 * weights / max(weights.max(), 1e-9), color=TOKEN_COLOR, alpha=0.6,
                         edgecolors='black', linewidths=0.5)
        name = reading.names[reading.scores[token].argmax()]
        _box(left, reading.boxes[token], OWN_COLOR, f'{name} {reading.scores[token].max():.2f}')
        first, others = attention.to_text[token, 0], attention.to_text[token, 1:]
        strongest = 1 + np.argsort(-others, kind='stable')[:texts]
        right.barh([f'{attention.texts[index]!r} ({index})' for index in strongest],
                   100 * attention.to_text[token, strongest], color='tab:blue')
        right.invert_yaxis()
        shares = {'image tokens': weights.sum(), 'itself': attention.to_itself[token], 'text': others.sum(),
                  'first token': first}
        right.set(xlabel='% of the attention, to the text but its first token',
                  title=', '.join(f'{name} {100 * share:.0f} %' for name, share in shares.items()))
    _save(pyplot, path)


def draw_sampling(reading: Reading, points: np.ndarray, weights: np.ndarray, path: Path, count: int) -> None:
    """Where the image tokenizer samples for the best answers.

    Args:
        reading: Of the image.
        points: ``float[M, P, 2]`` in pixels.
        weights: ``float[M, P]``.
        path: Of the file.
        count: Answers that are drawn.
    """
    best = reading.best_tokens(count)
    pyplot = pyplot_without_window()
    _, panels = pyplot.subplots(1, len(best), figsize=(5 * len(best), 5), squeeze=False)
    for token, panel in zip(best, panels[0]):
        _show(panel, reading.image)
        strong = weights[token] / weights[token].max()
        panel.scatter(*points[token].T, s=8 + 60 * strong, c=strong, cmap='plasma', edgecolors='white', linewidths=0.3)
        name = reading.names[reading.scores[token].argmax()]
        _box(panel, reading.boxes[token], OWN_COLOR, f'{name} {reading.scores[token].max():.2f}')
    _save(pyplot, path)


def draw_table(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], path: Path, label: str,
               maximum: float | None) -> None:
    """A heat map ``float[R, C]`` with its numbers in a file of its own; arguments as of ``fill_table``."""
    pyplot = pyplot_without_window()
    _, panel = pyplot.subplots(figsize=(LABELS + 1.2 * CELL * len(columns), LABELS + CELL * len(rows)))
    fill_table(panel, values, rows, columns, maximum)
    panel.set_xlabel(label)
    _save(pyplot, path)


def fill_table(panel: 'Axes', values: np.ndarray, rows: Sequence[str], columns: Sequence[str],
               maximum: float | None) -> None:
    """A heat map with its numbers.

    Args:
        panel: Axes of matplotlib.
        values: ``float[R, C]``.
        rows, columns: Names.
        maximum: Of the colours, from 0; None for the range of the values.
    """
    low, high = (0.0, maximum) if maximum is not None else np.quantile(values, (0.05, 1.0))
    panel.imshow(values, cmap='Blues', vmin=low, vmax=high, aspect='auto')
    for (row, column), value in np.ndenumerate(values):
        if maximum is None or value >= 0.005 * maximum:
            text = f'{value:.1f}' if maximum is None else f'{value:.2f}'.lstrip('0')
            panel.text(column, row, text, ha='center', va='center', fontsize=7,
                       color='white' if value > (low + high) / 2 else 'black')
    panel.set_xticks(range(len(columns)), columns, rotation=90)
    panel.set_yticks(range(len(rows)), rows)


def _show(panel, image: np.ndarray) -> None:
    panel.imshow(image)
    panel.set(xlim=(0, image.shape[1]), ylim=(image.shape[0], 0))
    panel.axis('off')


def _box(panel, box: np.ndarray, color: str, text: str) -> None:
    x1, y1, x2, y2 = box
    panel.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=color, linewidth=1.8)
    panel.text(x1, y1, text, color='white', fontsize=8, va='bottom', clip_on=True,
               bbox=dict(facecolor=color, edgecolor='none', pad=1.5))


def _save(pyplot, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=DPI)
    pyplot.close()
