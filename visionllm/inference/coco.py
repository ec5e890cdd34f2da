"""Predictions as one COCO annotation file, to train others on (labelling of a folder)."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionllm.visualization import Prediction


def write_coco(predictions: 'Iterable[Prediction]', path: str | Path) -> 'Iterator[Prediction]':
    """Pass predictions on, and write all of their objects at the end or when it is interrupted.

    Args:
        predictions: Of one instruction.
        path: JSON file to write, in COCO's layout; annotations have a ``score``.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)  # what cannot be written is known before hours of work
    content = dict(images=[], categories=[], annotations=[])
    try:
        for number, prediction in enumerate(predictions, 1):
            part = prediction.to_coco(number, len(content['annotations']) + 1)
            content['images'] += part['images']
            content['annotations'] += part['annotations']
            content['categories'] = part['categories']
            yield prediction
    finally:
        Path(path).write_text(json.dumps(content, ensure_ascii=False), encoding='utf-8')
