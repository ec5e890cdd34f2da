"""AP over the classes that were named, and what an instruction's leaving-out is worth."""

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

FIGURES = ('AP', 'AP50', 'AP75', 'AP90')

Detection = dict  # COCO result record: image_id, category_id, bbox (xywh in pixels), segmentation (RLE), score


def average_precision(truth: dict, detections: list[Detection], category_ids: list[int],
                      of: str = 'bbox') -> dict[str, float]:
    """COCO AP, in percent, over some categories.

    Args:
        truth: A COCO instances dictionary.
        detections: Result records.
        category_ids: Categories to average over.
        of: ``bbox`` or ``segm``.

    Returns:
        ``AP``, ``AP50``, ``AP75`` and ``AP90``; zero if nothing was detected.
    """
    if not detections:
        return dict.fromkeys(FIGURES, 0.0)
    # The evaluation writes into records, so each is copied, but not what it holds (deep copies took three quarters of
    # the time); a record without a mask would be given its box as a polygon.
    ground = COCO({**truth, 'annotations': [dict(record) for record in truth['annotations']]})
    found = ground.loadRes([dict(segmentation=None) | record for record in detections])
    evaluation = COCOeval_faster(ground, found, iouType=of)
    evaluation.params.catIds = category_ids
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return figures_of(evaluation)


def figures_of(evaluation: COCOeval_faster) -> dict[str, float]:
    """``FIGURES`` of an evaluation that was summarized, ours or pycocotools' own."""
    precision = evaluation.eval['precision'][8, :, :, 0, -1]  # IoU 0.9, all recalls and classes, any size
    known = precision[precision > -1]  # where a class has objects
    at_90 = known.mean() if known.size else -1
    return dict(zip(FIGURES, (100 * float(v) for v in (*evaluation.stats[:3], at_90))))


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of xywh boxes, ``float[A, B]``."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    inter = (high - low).clip(0).prod(-1)
    area, other_area = boxes[:, 2:].prod(-1), others[:, 2:].prod(-1)
    return inter / np.maximum(area[:, None] + other_area[None] - inter, 1e-9)


def judge(truth: dict, detections: list[Detection], category_ids: list[int],
          iou: float = 0.5) -> tuple[np.ndarray, np.ndarray, int]:
    """Which detections are right: greedily by score, each object found once, class and IoU must agree.

    Returns:
        Scores ``float[n]`` (descending), right ``bool[n]``, and the number of objects to find.
    """
    objects: dict[tuple[int, int], list] = {}
    for ann in truth['annotations']:
        if ann['category_id'] in category_ids and not ann.get('iscrowd'):
            objects.setdefault((ann['image_id'], ann['category_id']), []).append(ann['bbox'])
    taken = {key: np.zeros(len(boxes), bool) for key, boxes in objects.items()}
    ranked = sorted((d for d in detections if d['category_id'] in category_ids), key=lambda d: -d['score'])
    right = np.zeros(len(ranked), bool)
    for number, found in enumerate(ranked):
        key = (found['image_id'], found['category_id'])
        if key not in objects:
            continue
        share = overlaps(np.asarray([found['bbox']]), np.asarray(objects[key]))[0] * ~taken[key]
        if share.max() >= iou:
            taken[key][share.argmax()] = right[number] = True
    return np.asarray([d['score'] for d in ranked]), right, sum(map(len, objects.values()))


def best_f1_score(scores: np.ndarray, right: np.ndarray, total: int) -> tuple[float, float]:
    """Score threshold of the best F1, and that F1 (``scores`` descending, as ``judge`` gives them)."""
    found = right.cumsum()
    f1 = 2 * found / (np.arange(1, len(right) + 1) + total)
    best = int(f1.argmax())
    return float(scores[best]), float(f1[best])


def true_answers(truth: dict, category_ids: list[int]) -> list[Detection]:
    """The objects of some categories as detections that are sure and right."""
    return [dict(image_id=ann['image_id'], category_id=ann['category_id'], bbox=ann['bbox'], score=1.0)
            for ann in truth['annotations'] if ann['category_id'] in category_ids]


def hits(truth: dict, detections: list[Detection], unnamed_ids: list[int], score_thr: float) -> float:
    """Share, in percent, of the unnamed objects that any answer of at least ``score_thr`` covers with IoU 0.5."""
    answers: dict[int, list] = {}
    for found in detections:
        if found['score'] >= score_thr:
            answers.setdefault(found['image_id'], []).append(found['bbox'])
    unnamed = [ann for ann in truth['annotations'] if ann['category_id'] in unnamed_ids]
    hit = sum(
        overlaps(np.asarray([ann['bbox']]), np.asarray(answers[ann['image_id']])).max() >= 0.5 for ann in unnamed
        if ann['image_id'] in answers)
    return 100 * hit / max(len(unnamed), 1)
