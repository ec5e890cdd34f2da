"""What kind of mistake each wrong detection is, and what each kind costs: TIDE (Bolya et al., 2020).

    localisation  overlaps an object of its class, by too little
    class         is on an object of another class
    both          overlaps an object of another class, by too little
    duplicate     is on an object of its class that a better detection has found
    background    is on nothing
    missed        an object that nothing has found, nor been mistaken for

Dimensions: n detections, a annotations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as mask_utils

from .detection import Detection, average_precision
from .matching import Matching, match_by_coco

KINDS = ('localisation', 'class', 'both', 'duplicate', 'background', 'missed')
FOREGROUND, BACKGROUND = 0.5, 0.1  # IoU of a match, and the one below which a detection is on nothing


@dataclass(frozen=True)
class Mistake:
    """A wrong detection, or a missed object.

    Args:
        kind: One of ``KINDS``.
        detection: Index of the detection; None for a missed object.
        annotation: Index of the object that was meant, as far as it can be told; None on background.
    """
    kind: str
    detection: int | None
    annotation: int | None


def find_mistakes(truth: dict, detections: list[Detection], iou_type: str = 'bbox') -> list[Mistake]:
    """All mistakes of detections: wrong ones in the order of their scores, the best first, then missed objects.

    Args:
        truth: Content of a COCO instances file.
        detections: Result records.
        iou_type: ``bbox`` or ``segm``.
    """
    matching = match_by_coco(truth, detections, iou_type, [FOREGROUND])
    mistakes = [mistake for image in truth['images'] for mistake in _mistakes_of_image(matching, image['id'], iou_type)]
    wrong = sorted((m for m in mistakes if m.detection is not None), key=lambda m: -detections[m.detection]['score'])
    found = set(matching.found[0].tolist())
    explained = {m.annotation for m in wrong if m.kind in ('localisation', 'class')}
    missed = [index for index in np.flatnonzero(matching.is_object).tolist() if index not in found | explained]
    return wrong + [Mistake('missed', None, index) for index in missed]


def _mistakes_of_image(matching: Matching, image_id: int, iou_type: str) -> Iterator[Mistake]:
    objects = [index for index in matching.annotations_of(image_id) if matching.is_object[index]]
    wrong = [index for index in matching.detections_of(image_id)
             if matching.found[0, index] < 0 and not matching.ignored[0, index]]
    truth, detections = matching.truth['annotations'], matching.detections
    overlap = pairwise_overlap([detections[i] for i in wrong], [truth[i] for i in objects], iou_type)
    for detection, row in zip(wrong, overlap):
        same = np.array([truth[i]['category_id'] == detections[detection]['category_id'] for i in objects], bool)
        kind, column = kind_of(row, same)
        yield Mistake(kind, detection, None if column is None else objects[column])


def kind_of(overlap: np.ndarray, is_same_class: np.ndarray) -> tuple[str, int | None]:
    """The kind of a wrong detection, and the column of the object that it meant.

    Args:
        overlap: ``float[a]``, IoU with each object of the image.
        is_same_class: ``bool[a]``, which of them have its class.
    """
    same, other = (np.where(mask, overlap, 0.0) for mask in (is_same_class, ~is_same_class))
    best_same, best_other = same.max(initial=0.0), other.max(initial=0.0)
    if BACKGROUND <= best_same < FOREGROUND:
        return 'localisation', int(same.argmax())
    if best_other >= FOREGROUND:
        return 'class', int(other.argmax())
    if best_same >= FOREGROUND:
        return 'duplicate', int(same.argmax())
    if best_other >= BACKGROUND:
        return 'both', int(other.argmax())
    return 'background', None


def pairwise_overlap(detections: Sequence[dict], annotations: Sequence[dict], iou_type: str) -> np.ndarray:
    """IoU ``float[n, a]`` of boxes, or of run-length codes in ``segmentation``."""
    if not detections or not annotations:
        return np.zeros((len(detections), len(annotations)))
    key = 'bbox' if iou_type == 'bbox' else 'segmentation'
    return np.asarray(mask_utils.iou([d[key] for d in detections], [a[key] for a in annotations],
                                     [0] * len(annotations)))


def costs_in_ap(truth: dict, detections: list[Detection], mistakes: list[Mistake],
                iou_type: str = 'bbox') -> dict[str, float]:
    """By how much AP50 would be higher if one kind of mistake did not exist, for each kind.

    A detection in the wrong place or of the wrong class is put right, or removed where its object is found already;
    other wrong detections are removed, and missed objects are taken out of the truth.
    """
    ids = [category['id'] for category in truth['categories']]

    def ap50(truth: dict, detections: list[Detection]) -> float:
        return average_precision(truth, detections, ids, iou_type)['AP50']

    before = ap50(truth, detections)
    found = set(match_by_coco(truth, detections, iou_type, [FOREGROUND]).found[0].tolist())
    costs = {}
    for kind in KINDS:
        fixed = _without(kind, truth, detections, mistakes, found, iou_type)
        costs[kind] = max(0.0, ap50(*fixed) - before)
    return costs


def _without(kind: str, truth: dict, detections: list[Detection], mistakes: list[Mistake], found: set[int],
             iou_type: str) -> tuple[dict, list[Detection]]:
    """Truth and detections without one kind of mistake."""
    chosen = [mistake for mistake in mistakes if mistake.kind == kind]
    if kind == 'missed':
        missed = {mistake.annotation for mistake in chosen}
        return truth | dict(annotations=[ann for index, ann in enumerate(truth['annotations'])
                                         if index not in missed]), detections
    key = 'bbox' if iou_type == 'bbox' else 'segmentation'
    fixed, found = dict(enumerate(detections)), set(found)
    for mistake in chosen:
        record = fixed.pop(mistake.detection)
        if kind in ('localisation', 'class') and mistake.annotation not in found:
            found.add(mistake.annotation)
            meant = truth['annotations'][mistake.annotation]
            change = {key: meant[key]} if kind == 'localisation' else dict(category_id=meant['category_id'])
            fixed[mistake.detection] = record | change
    return truth, [fixed[index] for index in sorted(fixed)]
