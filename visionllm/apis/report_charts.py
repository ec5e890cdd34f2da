"""Charts of a report, as PNG.

Dimensions: K classes, t points of a curve.
"""

from io import BytesIO

import numpy as np

from visionllm.evaluation.detection_summary import DetectionSummary

from .charts import draw_calibration, pyplot_without_window

NAMED_CURVES = 6  # of many classes, those with most objects
GREY_CURVE = dict(color='0.85', linewidth=0.7, zorder=1)
MATRIX_CLASSES = 16  # that are readable on a phone
DPI = 110


def class_curves(summary: DetectionSummary) -> bytes:
    """Precision by recall, and F1 by score threshold, of each class and on average, at IoU 0.5; the classes with
    most objects have a name."""
    pyplot = pyplot_without_window()
    thresholds = np.linspace(0, 1, 101)
    precision, f1 = summary.precision[0], summary.f1_curves(thresholds)
    shown = np.flatnonzero(~np.isnan(precision).any(0))
    frequent = sorted(shown.tolist(), key=lambda index: -summary.classes[index].objects)[:NAMED_CURVES]
    _, panels = pyplot.subplots(1, 2, figsize=(9, 4.2))
    labels = {'xlabel': ('recall', 'score threshold'), 'ylabel': ('precision', 'F1')}
    for panel, curves, xlabel, ylabel in zip(panels, (precision, f1), *labels.values()):
        for index in shown.tolist():
            style = dict(label=summary.names[index]) if index in frequent else GREY_CURVE
            panel.plot(thresholds, curves[:, index], **style)
        if shown.size:
            panel.plot(thresholds, curves[:, shown].mean(1), color='black', linewidth=2.5, label='mean')
        panel.set(xlabel=xlabel, ylabel=f'{ylabel} at IoU 0.5', xlim=(0, 1), ylim=(0, 1.02))
    panels[1].legend(fontsize=8, loc='upper right')
    return _png(pyplot)


def confusion_matrix(summary: DetectionSummary) -> bytes:
    """Shares of the objects of each class by what they were found as; of many classes those that are confused most."""
    pyplot = pyplot_without_window()
    matrix, names = summary.confusion, [*summary.names, 'nothing']
    if len(summary.names) > MATRIX_CLASSES:
        between = matrix[:-1, :-1] - np.diag(np.diag(matrix)[:-1])
        chosen = np.sort(np.argsort(-(between.sum(0) + between.sum(1)), kind='stable')[:MATRIX_CLASSES])
        index = [*chosen.tolist(), len(summary.names)]
        matrix, names = matrix[np.ix_(index, index)], [names[each] for each in index]
    totals = summary.confusion.sum(1)[[[*summary.names, 'nothing'].index(name) for name in names]]
    share = matrix / np.maximum(totals, 1)[:, None]
    side = 2.2 + 0.36 * len(names)
    _, panel = pyplot.subplots(figsize=(side, side))
    panel.imshow(np.where(np.arange(len(names))[:, None] == len(names) - 1, 0, share), cmap='Blues', vmin=0, vmax=1)
    for row, column in zip(*matrix.nonzero()):
        is_dark = share[row, column] > 0.5 and row < len(names) - 1
        panel.text(column, row, matrix[row, column], ha='center', va='center', fontsize=8,
                   color='white' if is_dark else 'black')
    panel.set_xticks(range(len(names)), names, rotation=90)
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel='found as', ylabel='annotated as')
    return _png(pyplot)


def calibration(summary: DetectionSummary) -> bytes:
    """Reliability diagram, beside precision by recall of all classes together."""
    file = BytesIO()
    draw_calibration(*summary.matching.ranked(summary.ids), file)
    return file.getvalue()


def _png(pyplot) -> bytes:
    file = BytesIO()
    pyplot.tight_layout()
    pyplot.savefig(file, dpi=DPI)
    pyplot.close()
    return file.getvalue()
