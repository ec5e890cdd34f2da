"""Which detection finds which object, by COCO's rule at several IoUs, computed by pycocotools.

Dimensions: n detections, T IoUs, a annotations.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from os import devnull

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visionllm.annotations.coco_masks import box_to_polygon, segmentation_to_polygons

from .detection import Detection

IOUS = tuple(np.linspace(0.5, 0.95, 10).round(2))
MAX_DETECTIONS = 100  # of an image and a class, as for COCO's AP
WHOLE_RANGE = [[0, 1e10]]  # of areas


@dataclass
class Matching:
    """Detections of a data set and the objects that they find.

    Args:
        truth: Content of a COCO instances file.
        detections: n result records.
        found: ``int[T, n]``, index of the annotation that a detection finds; -1 for none.
        ignored: ``bool[T, n]``, detections that are neither right nor wrong: they find a crowd.
    """
    truth: dict
    detections: list[Detection]
    found: np.ndarray
    ignored: np.ndarray

    @cached_property
    def is_object(self) -> np.ndarray:
        """``bool[a]``, which annotations are objects, rather than crowds."""
        return np.array([not ann.get('iscrowd') for ann in self.truth['annotations']], bool)

    def annotations_of(self, image_id: int) -> list[int]:
        """Indices of the annotations of an image."""
        return self._annotations_by_image[image_id]

    def detections_of(self, image_id: int) -> list[int]:
        """Indices of the detections of an image."""
        return self._detections_by_image[image_id]

    @cached_property
    def _annotations_by_image(self) -> dict[int, list[int]]:
        return indices_by_image(self.truth['annotations'])

    @cached_property
    def _detections_by_image(self) -> dict[int, list[int]]:
        return indices_by_image(self.detections)

    def ranked(self, category_ids: Sequence[int], iou: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
        """Detections of some categories, in the form that ``best_f1_score`` takes.

        Args:
            category_ids: Categories.
            iou: Index of the IoU.

        Returns:
            Scores ``float[m]`` in descending order, whether each is right ``bool[m]``, and the number of objects.
        """
        of_category = np.isin([d['category_id'] for d in self.detections], category_ids)
        chosen = np.flatnonzero(of_category & ~self.ignored[iou])
        scores = np.array([d['score'] for d in self.detections], float)[chosen]
        order = np.argsort(-scores, kind='stable')
        annotated = np.isin([ann['category_id'] for ann in self.truth['annotations']], category_ids)
        return scores[order], (self.found[iou, chosen] >= 0)[order], int((annotated & self.is_object).sum())


def match_by_coco(truth: dict, detections: list[Detection], iou_type: str = 'bbox',
                  ious: Sequence[float] = IOUS) -> Matching:
    """Match detections to objects of the same class, the best first, each object at most once.

    Args:
        truth: Content of a COCO instances file.
        detections: Result records.
        iou_type: ``bbox`` or ``segm``.
        ious: T minimum IoUs of a match.
    """
    matching = Matching(truth, detections, np.full((len(ious), len(detections)), -1),
                        np.zeros((len(ious), len(detections)), bool))
    if not detections:
        return matching
    # indices from 1 serve as ids: pycocotools takes the id 0 for no match
    annotations = [ann | dict(id=number) for number, ann in enumerate(truth['annotations'], 1)]
    results = [record | dict(id=number, iscrowd=0, area=area_of(record, iou_type))
               for number, record in enumerate(detections, 1)]
    with open(devnull, 'w') as nowhere, redirect_stdout(nowhere):
        evaluation = COCOeval(index_of(truth, annotations), index_of(truth, results), iou_type)
        evaluation.params.iouThrs = np.array(ious)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = WHOLE_RANGE, ['all']
        evaluation.params.maxDets = [MAX_DETECTIONS]
        evaluation.evaluate()
    for image in filter(None, evaluation.evalImgs):
        index = np.array(image['dtIds'], int) - 1
        matching.found[:, index] = image['dtMatches'].astype(int) - 1
        matching.ignored[:, index] = image['dtIgnore']
    matching.found[matching.ignored] = -1
    return matching


def indices_by_image(records: Sequence[dict]) -> dict[int, list[int]]:
    """Indices of records by their image; none for other images."""
    indices = defaultdict(list)
    for index, record in enumerate(records):
        indices[record['image_id']].append(index)
    return indices


def index_of(truth: dict, annotations: list[dict]) -> COCO:
    """pycocotools' index of annotations with the images and the categories of another file."""
    coco = COCO()
    coco.dataset = dict(images=truth['images'], categories=truth['categories'], annotations=annotations)
    coco.createIndex()
    return coco


def area_of(record: Detection, iou_type: str) -> float:
    """Area of a detection in pixels."""
    if iou_type == 'segm':
        return float(mask.area(record['segmentation']))
    return float(record['bbox'][2] * record['bbox'][3])


def restrict(truth: dict, image_ids: set[int], category_ids: Sequence[int]) -> dict:
    """The annotations of some images and categories alone."""
    annotations = [ann for ann in truth['annotations']
                   if ann['image_id'] in image_ids and ann['category_id'] in set(category_ids)]
    return truth | dict(images=[image for image in truth['images'] if image['id'] in image_ids],
                        categories=[each for each in truth['categories'] if each['id'] in set(category_ids)],
                        annotations=annotations)


def with_run_lengths(truth: dict) -> dict:
    """The same truth, with a run-length code as the ``segmentation`` of each annotation; of one without a mask that of
    its box."""
    sizes = {image['id']: (image['height'], image['width']) for image in truth['images']}
    annotations = [ann | dict(segmentation=_run_lengths(ann, *sizes[ann['image_id']])) for ann in truth['annotations']]
    return truth | dict(annotations=annotations)


def _run_lengths(annotation: dict, height: int, width: int) -> dict:
    segmentation = annotation.get('segmentation') or []
    if isinstance(segmentation, dict) and not isinstance(segmentation['counts'], list):
        return segmentation
    polygons = segmentation_to_polygons(segmentation, height, width) or [box_to_polygon(annotation['bbox'])]
    return mask.merge(mask.frPyObjects(polygons, height, width))
