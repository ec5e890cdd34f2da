"""Example pictures of mistakes: the part of an image with what was annotated (green) and predicted (red)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pycocotools import mask

from visionllm.annotations import read_image
from visionllm.evaluation.error_kinds import Mistake
from visionllm.structures.polygons import mask_to_contours
from visionllm.visualization.outlines import PREDICTION, TRUTH, Outline, crop_to_outlines

from .tested_sets import TestedSet

SIDE, QUALITY = 320, 80  # pixels, and of JPEG


@dataclass(frozen=True)
class Example:
    """A picture of a mistake.

    Args:
        caption: What went wrong.
        jpeg: Content of the file.
        source: Of the image.
    """
    caption: str
    jpeg: bytes
    source: str


def examples_of_kind(tested: TestedSet, kind: str, count: int) -> list[Example]:
    """The worst mistakes of a kind, of different images: wrong detections with the highest scores, or the largest
    objects that were missed."""
    return _draw(tested, (mistake for mistake in _worst_first(tested) if mistake.kind == kind), count)


def examples_of_confusion(tested: TestedSet, truth: str, found: str, count: int = 1) -> list[Example]:
    """The worst mistakes in which one class was taken for another."""
    return _draw(tested, (mistake for mistake in _worst_first(tested)
                          if mistake.kind == 'class' and names_of(tested, mistake) == (truth, found)), count)


def names_of(tested: TestedSet, mistake: Mistake) -> tuple[str | None, str | None]:
    """The class of the object that was meant, and the one that was found."""
    summary = tested.summary
    names = dict(zip(summary.ids, summary.names))
    records = (None if mistake.annotation is None else summary.truth['annotations'][mistake.annotation],
               None if mistake.detection is None else summary.kept[mistake.detection])
    truth, found = (record and names[record['category_id']] for record in records)
    return truth, found


def _worst_first(tested: TestedSet) -> Iterator[Mistake]:
    mistakes, annotations = tested.summary.mistakes, tested.summary.truth['annotations']
    yield from (mistake for mistake in mistakes if mistake.detection is not None)
    missed = (mistake for mistake in mistakes if mistake.detection is None)
    yield from sorted(missed, key=lambda mistake: -annotations[mistake.annotation]['area'])


def _draw(tested: TestedSet, mistakes: Iterable[Mistake], count: int) -> list[Example]:
    """Pictures of the first mistakes of different images."""
    first = {}
    for mistake in mistakes:
        record = _record_of(tested, mistake)
        first.setdefault(record['image_id'], mistake)
        if len(first) == count:
            break
    return [_picture(tested, image_id, mistake) for image_id, mistake in first.items()]


def _record_of(tested: TestedSet, mistake: Mistake) -> dict:
    if mistake.detection is not None:
        return tested.summary.kept[mistake.detection]
    return tested.summary.truth['annotations'][mistake.annotation]


def _picture(tested: TestedSet, image_id: int, mistake: Mistake) -> Example:
    truth, found = names_of(tested, mistake)
    outlines = []
    if mistake.annotation is not None:
        outlines.append(_outline(tested, tested.summary.truth['annotations'][mistake.annotation], truth, TRUTH))
    if mistake.detection is not None:
        record = tested.summary.kept[mistake.detection]
        outlines.append(_outline(tested, record, f'{found} {record["score"]:.2f}', PREDICTION))
    file = BytesIO()
    crop_to_outlines(read_image(tested.images[image_id]), outlines, SIDE).save(file, 'JPEG', quality=QUALITY)
    return Example(caption_of(mistake.kind, truth, found), file.getvalue(), tested.images[image_id])


def caption_of(kind: str, truth: str | None, found: str | None) -> str:
    """What went wrong, in a few words."""
    return {
        'localisation': f'{found}, in the wrong place',
        'class': f'{truth} taken for {found}',
        'both': f'{found} beside {truth}',
        'duplicate': f'{found} found twice',
        'background': f'{found}, where nothing is annotated',
        'missed': f'{truth} missed',
    }[kind]


def _outline(tested: TestedSet, record: dict, label: str, color: tuple[int, int, int]) -> Outline:
    x, y, width, height = record['bbox']
    contours = contours_of(record) if tested.summary.iou_type == 'segm' else []
    return Outline((x, y, x + width, y + height), label, color, contours)


def contours_of(record: dict) -> list[np.ndarray]:
    """Contours ``float[P, 2]`` of the run-length code in a record, in pixels."""
    return [np.asarray(contour, float).reshape(-1, 2)
            for contour in mask_to_contours(mask.decode(record['segmentation']))]
