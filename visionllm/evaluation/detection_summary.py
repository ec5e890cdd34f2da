"""All figures of a detector on a data set: by class, by threshold, by kind of mistake, and how far scores can be
trusted.

Dimensions: K classes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from visionllm.errors import UserError
from visionllm.thresholds import SCORE_THRESHOLD

from .calibration import calibration_error
from .detection import METRIC_NAMES, Detection, average_precision, best_f1_score, class_precision, f1_at
from .error_kinds import KINDS, Mistake, costs_in_ap, find_mistakes
from .matching import Matching, match_by_coco


class SupervisionMissingError(UserError, ImportError):
    """The package supervision is not installed."""


@dataclass(frozen=True)
class ClassResult:
    """Figures of one class.

    Args:
        name: Of the class.
        objects: How many are annotated.
        ap, ap50: In percent; None without objects.
        threshold: Score with the best F1; None where nothing of the class is right.
        f1: At that threshold and IoU 0.5, in percent.
    """
    name: str
    objects: int
    ap: float | None
    ap50: float | None
    threshold: float | None
    f1: float


class DetectionSummary:
    """Figures of detections, each computed when it is first asked for.

    What a user sees of a detector, and what is counted as a mistake here, are the detections above the threshold of
    their class with the best F1 (``kept``).

    Args:
        truth: Content of a COCO instances file, of the images and categories that were tested; for masks with
            run-length codes.
        detections: Result records.
        iou_type: ``bbox`` or ``segm``.
    """

    def __init__(self, truth: dict, detections: list[Detection], iou_type: str = 'bbox'):
        self.truth, self.detections, self.iou_type = truth, detections, iou_type
        self.ids = [category['id'] for category in truth['categories']]
        self.names = [category['name'] for category in truth['categories']]

    @cached_property
    def matching(self) -> Matching:
        """Of all detections."""
        return match_by_coco(self.truth, self.detections, self.iou_type)

    @cached_property
    def average(self) -> dict[str, float]:
        """AP over all classes, in percent."""
        return average_precision(self.truth, self.detections, self.ids, self.iou_type)

    @cached_property
    def precision(self) -> np.ndarray:
        """``float[10, 101, K]``, as of ``class_precision``."""
        return class_precision(self.truth, self.detections, self.ids, self.iou_type)

    @cached_property
    def classes(self) -> list[ClassResult]:
        """Of each class."""
        results = []
        for index, (category, name) in enumerate(zip(self.ids, self.names)):
            scores, correct, objects = self.matching.ranked([category])
            threshold, f1 = best_f1_score(scores, correct, objects)
            ap, ap50 = (100 * float(values[..., index].mean()) if objects else None
                        for values in (self.precision, self.precision[0]))
            results.append(ClassResult(name, objects, ap, ap50, threshold if f1 > 0 else None, 100 * f1))
        return results

    def f1_curves(self, thresholds: np.ndarray) -> np.ndarray:
        """F1 ``float[t, K]`` in [0, 1] at IoU 0.5 of each class, with thresholds ``float[t]``."""
        return np.stack([f1_at(thresholds, *self.matching.ranked([category])) for category in self.ids], 1)

    @property
    def thresholds(self) -> dict[str, float]:
        """The score with the best F1 at IoU 0.5 of each class, where something of the class is right."""
        return {result.name: result.threshold for result in self.classes if result.threshold is not None}

    @cached_property
    def kept(self) -> list[Detection]:
        """Detections above the threshold of their class, or above the one for all classes."""
        of_all = best_f1_score(*self.matching.ranked(self.ids))[0]
        threshold = {category: self.thresholds.get(name, of_all) for category, name in zip(self.ids, self.names)}
        return [record for record in self.detections if record['score'] >= threshold[record['category_id']]]

    @cached_property
    def f1(self) -> dict[str, float]:
        """F1 of what is kept, in percent: at IoU 0.5, at 0.95, and the mean over 0.5 to 0.95."""
        matching = match_by_coco(self.truth, self.kept, self.iou_type)
        objects = int(matching.is_object.sum())
        values = []
        for found, ignored in zip(matching.found, matching.ignored):
            values.append(100 * 2 * int((found >= 0).sum()) / max(int((~ignored).sum()) + objects, 1))
        return {'F1@0.5': values[0], 'F1@0.95': values[-1], 'F1@mean': float(np.mean(values))}

    @cached_property
    def calibration_errors(self) -> dict[str, float]:
        """Expected calibration error in [0, 1] of the scores of all detections, and of those above ``SCORE_THRESHOLD``.

        Not of what is kept: thresholds of classes with few objects are set where these are right.
        """
        scores, correct, _ = self.matching.ranked(self.ids)
        confident = scores >= SCORE_THRESHOLD
        return dict(calibration_error=calibration_error(scores, correct),
                    calibration_error_confident=calibration_error(scores[confident], correct[confident]))

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """Of what is kept; detections are indices into ``kept``."""
        return find_mistakes(self.truth, self.kept, self.iou_type)

    @cached_property
    def costs(self) -> dict[str, float]:
        """By how much AP50 of all detections would be higher without each kind of mistake."""
        return costs_in_ap(self.truth, self.detections, find_mistakes(self.truth, self.detections, self.iou_type),
                           self.iou_type)

    @cached_property
    def confusion(self) -> np.ndarray:
        """``int[K + 1, K + 1]``, objects of a class (row) that were found as a class (column), by boxes with IoU 0.5
        of what is kept; the last row is of boxes on no object, the last column of objects that were not found.

        Raises:
            SupervisionMissingError: The package supervision is not installed.
        """
        try:
            from supervision import ConfusionMatrix
        except ImportError:
            raise SupervisionMissingError('A report needs the package supervision: pip install supervision.') from None
        total = np.zeros((len(self.ids) + 1, ) * 2, int)
        for image in self.truth['images']:
            objects, crowds, found = (self._rows(image['id'], kind) for kind in ('object', 'crowd', 'kept'))
            on_crowd = inside(found[:, :4], crowds[:, :4])
            total += ConfusionMatrix.evaluate_detection_batch(found[~on_crowd], objects[:, :5], len(self.ids), 0.0, 0.5)
        return total

    def _rows(self, image_id: int, kind: str) -> np.ndarray:
        """Rows ``float[m, 6]`` of an image: x1, y1, x2, y2, index of the class, score."""
        records = self._records_by_image[kind].get(image_id, [])
        boxes = np.array([record['bbox'] for record in records], float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        other = [[self.ids.index(record['category_id']), record.get('score', 1.0)] for record in records]
        return np.concatenate([boxes, np.array(other, float).reshape(-1, 2)], 1)

    @cached_property
    def _records_by_image(self) -> dict[str, dict[int, list[dict]]]:
        crowds = [ann for ann in self.truth['annotations'] if ann.get('iscrowd')]
        objects = [ann for ann in self.truth['annotations'] if not ann.get('iscrowd')]
        groups = {}
        for kind, records in dict(object=objects, crowd=crowds, kept=self.kept).items():
            groups[kind] = {}
            for record in records:
                groups[kind].setdefault(record['image_id'], []).append(record)
        return groups

    def as_dict(self) -> dict:
        """Everything that is a number, for JSON."""
        counts = {kind: sum(mistake.kind == kind for mistake in self.mistakes) for kind in KINDS}
        confusions = [dict(truth=truth, found=found, count=count) for truth, found, count in self.confusions()]
        return dict(
            images=len(self.truth['images']), objects=int(self.matching.is_object.sum()),
            detections=len(self.detections), kept=len(self.kept), iou_type=self.iou_type,
            **{name: self.average[name] for name in METRIC_NAMES}, **self.f1,
            **self.calibration_errors,
            mistakes={kind: dict(count=counts[kind], cost_in_AP50=self.costs[kind]) for kind in KINDS},
            confusions=confusions, classes=[vars(result) for result in self.classes])

    def confusions(self) -> list[tuple[str, str, int]]:
        """Pairs of classes that were taken for one another: truth, what was found, and how often; the most frequent
        first."""
        between = self.confusion[:-1, :-1] - np.diag(np.diag(self.confusion)[:-1])
        pairs = [(self.names[row], self.names[column], int(between[row, column]))
                 for row, column in zip(*between.nonzero())]
        return sorted(pairs, key=lambda pair: -pair[2])


def inside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Whether at least half of each box is in one of some regions, ``bool[n]``, as COCO ignores boxes on crowds.

    Args:
        boxes: ``float[n, 4]`` xyxy.
        regions: ``float[a, 4]`` xyxy.
    """
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(-1), 1e-9)
    return ((high - low).clip(0).prod(-1) / area[:, None]).max(1, initial=0.0) >= 0.5


