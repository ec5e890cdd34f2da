"""COCO AP over a subset of the classes, matching of detections to objects, and hit rate of unnamed classes.

Dimensions: n detections.
"""

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

METRIC_NAMES = ('AP', 'AP50', 'AP75', 'AP90')

# COCO result record: image_id, category_id, bbox (xywh in pixels), score, and optionally segmentation (RLE)
Detection = dict


def average_precision(truth: dict, detections: list[Detection], category_ids: list[int],
                      iou_type: str = 'bbox') -> dict[str, float]:
    """COCO AP in percent, averaged over some categories.

    Args:
        truth: Content of a COCO instances file.
        detections: Result records.
        category_ids: Categories to average over.
        iou_type: ``bbox`` or ``segm``.

    Returns:
        ``AP``, ``AP50``, ``AP75`` and ``AP90``; 0 if there are no detections.
    """
    if not detections:
        return dict.fromkeys(METRIC_NAMES, 0.0)
    evaluation = _coco_evaluation(truth, detections, category_ids, iou_type)
    evaluation.summarize()
    return summary_metrics(evaluation)


def class_precision(truth: dict, detections: list[Detection], category_ids: list[int],
                    iou_type: str = 'bbox') -> np.ndarray:
    """Precision ``float[10, 101, K]`` in [0, 1] of K classes, at the IoUs and recalls of COCO; NaN for classes without
    objects. Its mean is AP, and that of ``[0]`` AP50.

    Args:
        truth: Content of a COCO instances file.
        detections: Result records.
        category_ids: K categories.
        iou_type: ``bbox`` or ``segm``.
    """
    if detections:
        precision = _coco_evaluation(truth, detections, category_ids, iou_type).eval['precision'][..., 0, -1]
        return np.where(precision < 0, np.nan, precision)
    present = {ann['category_id'] for ann in truth['annotations'] if not ann.get('iscrowd')}
    nothing = [0.0 if category in present else np.nan for category in category_ids]
    return np.broadcast_to(nothing, (10, 101, len(category_ids)))


def _coco_evaluation(truth: dict, detections: list[Detection], category_ids: list[int],
                     iou_type: str) -> COCOeval_faster:
    """What was accumulated over all images."""
    # COCOeval writes keys into records, so they are copied, shallowly to save time, and takes the id 0 for no match. A
    # record without a segmentation would get its box as a polygon, hence the None.
    annotations = [record | dict(id=number) for number, record in enumerate(truth['annotations'], 1)]
    coco = COCO({**truth, 'annotations': annotations})
    results = coco.loadRes([dict(segmentation=None) | record for record in detections])
    evaluation = COCOeval_faster(coco, results, iouType=iou_type)
    evaluation.params.catIds = category_ids
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def summary_metrics(evaluation: COCOeval_faster) -> dict[str, float]:
    """``METRIC_NAMES`` in percent of a summarized evaluation, of faster-coco-eval or pycocotools."""
    precision = evaluation.eval['precision'][8, :, :, 0, -1]  # IoU 0.9, all recalls and classes, all areas
    valid = precision[precision > -1]  # -1 for classes without objects
    at_90 = valid.mean() if valid.size else -1
    return dict(zip(METRIC_NAMES, (100 * float(v) for v in (*evaluation.stats[:3], at_90))))


def pairwise_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU ``float[A, B]`` of xywh boxes ``float[A, 4]`` and ``float[B, 4]``."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    inter = (high - low).clip(0).prod(-1)
    area, other_area = boxes[:, 2:].prod(-1), others[:, 2:].prod(-1)
    return inter / np.maximum(area[:, None] + other_area[None] - inter, 1e-9)


def match_detections(truth: dict, detections: list[Detection], category_ids: list[int],
                     iou: float = 0.5) -> tuple[np.ndarray, np.ndarray, int]:
    """Match detections to objects of the same class greedily by score, each object at most once.

    Args:
        truth: Content of a COCO instances file; crowds are ignored.
        detections: Result records.
        category_ids: Categories to match.
        iou: Minimum box IoU of a match.

    Returns:
        Scores ``float[n]`` in descending order; whether each detection is a true positive, ``bool[n]``; and the number
        of objects.
    """
    objects: dict[tuple[int, int], list] = {}
    for ann in truth['annotations']:
        if ann['category_id'] in category_ids and not ann.get('iscrowd'):
            objects.setdefault((ann['image_id'], ann['category_id']), []).append(ann['bbox'])
    matched = {key: np.zeros(len(boxes), bool) for key, boxes in objects.items()}
    ranked = sorted((d for d in detections if d['category_id'] in category_ids), key=lambda d: -d['score'])
    correct = np.zeros(len(ranked), bool)
    for rank, detection in enumerate(ranked):
        key = (detection['image_id'], detection['category_id'])
        if key not in objects:
            continue
        overlap = pairwise_iou(np.asarray([detection['bbox']]), np.asarray(objects[key]))[0] * ~matched[key]
        if overlap.max() >= iou:
            matched[key][overlap.argmax()] = correct[rank] = True
    return np.asarray([d['score'] for d in ranked]), correct, sum(map(len, objects.values()))


def best_f1_score(scores: np.ndarray, correct: np.ndarray, total: int) -> tuple[float, float]:
    """Find the score threshold with the best F1.

    Args:
        scores: ``float[n]`` in descending order, as from ``match_detections``.
        correct: Whether each detection is a true positive, ``bool[n]``.
        total: Number of objects.

    Returns:
        The threshold and its F1 in [0, 1]; both are 0 without detections.
    """
    if not len(correct):
        return 0.0, 0.0
    f1 = f1_at(scores, scores, correct, total)
    best = int(f1.argmax())
    return float(scores[best]), float(f1[best])


def f1_at(thresholds: np.ndarray, scores: np.ndarray, correct: np.ndarray, total: int) -> np.ndarray:
    """F1 ``float[t]`` in [0, 1] of the detections with scores of at least ``float[t]``; other arguments as of
    ``best_f1_score``."""
    kept = np.searchsorted(-scores, -thresholds, side='right')
    true_positives = np.concatenate([[0], correct.cumsum()])[kept]
    return 2 * true_positives / np.maximum(kept + total, 1)


def ground_truth_detections(truth: dict, category_ids: list[int]) -> list[Detection]:
    """Objects of some categories as perfect detections with score 1.

    Args:
        truth: Content of a COCO instances file.
        category_ids: Categories.
    """
    return [dict(image_id=ann['image_id'], category_id=ann['category_id'], bbox=ann['bbox'], score=1.0)
            for ann in truth['annotations'] if ann['category_id'] in category_ids]


def hit_rate(truth: dict, detections: list[Detection], unnamed_ids: list[int], score_thr: float) -> float:
    """Percentage of objects of classes that the instruction does not name which are detected nevertheless.

    Args:
        truth: Content of a COCO instances file.
        detections: Result records; an object is hit by any box of its image with IoU 0.5, whatever the class.
        unnamed_ids: Categories that the instruction does not name.
        score_thr: Minimum score of a detection.
    """
    boxes: dict[int, list] = {}
    for detection in detections:
        if detection['score'] >= score_thr:
            boxes.setdefault(detection['image_id'], []).append(detection['bbox'])
    unnamed = [ann for ann in truth['annotations'] if ann['category_id'] in unnamed_ids]
    hit = sum(
        pairwise_iou(np.asarray([ann['bbox']]), np.asarray(boxes[ann['image_id']])).max() >= 0.5 for ann in unnamed
        if ann['image_id'] in boxes)
    return 100 * hit / max(len(unnamed), 1)
