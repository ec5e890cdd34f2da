"""A report on a test: one HTML file with its pictures, the figures as JSON, and the thresholds that were found.

    report.html      for reading, without a server or a network
    metrics.json     all figures
    thresholds.json  of each class, for ``visionllm predict --threshold``
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from visionllm.evaluation.error_kinds import KINDS
from visionllm.thresholds import SCORE_THRESHOLD

from . import report_charts
from .report_examples import Example, examples_of_confusion, examples_of_kind
from .tested_sets import TestedSet

TEMPLATE = Path(__file__).with_name('report.html.j2')
EXAMPLES, CONFUSIONS = 3, 6  # pictures of a kind of mistake; pairs of classes
MEANINGS = {
    'localisation': 'Right class, but overlaps the object by too little (IoU 0.1 to 0.5)',
    'class': 'On an object of another class',
    'both': 'Another class, and in the wrong place',
    'duplicate': 'On an object that a better box has found',
    'background': 'On nothing that is annotated',
    'missed': 'An object that no box has found, nor been mistaken for',
}


def write_report(folder: str | Path, title: str, sets: Sequence[TestedSet]) -> str:
    """Write the files of a report.

    Args:
        folder: Made if it does not exist.
        title: What was tested.
        sets: Each task of the test.

    Returns:
        What was written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    figures = [tested.as_dict() for tested in sets]
    write_json(folder / 'metrics.json', dict(title=title, sets=figures))
    write_json(folder / 'thresholds.json', {name: round(score, 4) for name, score in
                                            sets[0].summary.thresholds.items()})
    sections = [section_of(tested, figure) for tested, figure in zip(sets, figures)]
    (folder / 'report.html').write_text(render(title, sections), encoding='utf-8')
    return f'{folder / "report.html"}: AP {sets[0].summary.average["AP"]:.1f}, F1 {sets[0].summary.f1["F1@0.5"]:.1f}'


def write_json(path: Path, content: dict) -> None:
    """Write JSON with line breaks."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding='utf-8')


def section_of(tested: TestedSet, figures: dict) -> dict:
    """What the template shows of a task."""
    summary = tested.summary
    total = max(sum(figures['mistakes'][kind]['count'] for kind in KINDS), 1)
    mistakes = [dict(kind=kind, meaning=MEANINGS[kind], count=figures['mistakes'][kind]['count'],
                     share=100 * figures['mistakes'][kind]['count'] / total,
                     cost=figures['mistakes'][kind]['cost_in_AP50'],
                     examples=_pictures(examples_of_kind(tested, kind, EXAMPLES))) for kind in KINDS]
    pairs = figures['confusions'][:CONFUSIONS]
    examples = [example for pair in pairs for example in examples_of_confusion(tested, pair['truth'], pair['found'])]
    classes = sorted(figures['classes'], key=lambda each: (each['ap'] is None, -(each['ap'] or 0), each['name']))
    return dict(figures=figures, mistakes=mistakes,
                confusions=pairs, confusion_examples=_pictures(examples), classes=classes,
                matrix=_png(report_charts.confusion_matrix(summary)), curves=_png(report_charts.class_curves(summary)),
                calibration=_png(report_charts.calibration(summary)))


def render(title: str, sections: Sequence[dict]) -> str:
    """The HTML file."""
    from jinja2 import Environment
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding='utf-8'))
    return template.render(title=title, sections=sections, confident=SCORE_THRESHOLD)


def _pictures(examples: Sequence[Example]) -> list[dict]:
    return [dict(caption=example.caption, source=Path(example.source).name, url=_data_url(example.jpeg, 'jpeg'))
            for example in examples]


def _png(content: bytes) -> str:
    return _data_url(content, 'png')


def _data_url(content: bytes, kind: str) -> str:
    return f'data:image/{kind};base64,{b64encode(content).decode()}'
