"""Predictions in a folder: a drawing of each, and all answers in one file."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from .prediction import Prediction


def write_predictions(predictions: Iterable[Prediction], folder: str | Path) -> Iterator[tuple[Prediction, Path]]:
    """Write a drawing of each prediction as it comes, and ``answers.json`` at the end or when it is interrupted.

    Yields:
        Each prediction and the file of its drawing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    try:
        for number, prediction in enumerate(predictions):
            target = folder / f'{number:02d}_{Path(prediction.path).stem}.png'
            prediction.save(target)
            answers.append(prediction.as_dict())
            yield prediction, target
    finally:
        (folder / 'answers.json').write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding='utf-8')
