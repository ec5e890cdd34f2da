import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visionllm.evaluation import average_precision, calibration_error, hit_rate
from visionllm.evaluation.detection import best_f1_score, match_detections


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    anns, found = [], []
    for image in range(1, 21):
        for _ in range(5):
            box = [float(v) for v in (*rng.uniform(0, 60, 2), *rng.uniform(10, 40, 2))]
            anns.append(dict(id=len(anns) + 1, image_id=image, category_id=int(rng.integers(1, 4)), bbox=box,
                             area=box[2] * box[3], iscrowd=0))
            noisy = [v + float(rng.normal(0, 2)) for v in box]
            category = anns[-1]['category_id'] if rng.random() < 0.8 else int(rng.integers(1, 4))
            found.append(dict(image_id=image, category_id=category, bbox=noisy, score=float(rng.random())))
    truth = dict(images=[dict(id=i, width=100, height=100) for i in range(1, 21)], annotations=anns,
                 categories=[dict(id=i, name=str(i)) for i in (1, 2, 3)])
    return truth, found


def test_ap_is_pycocotools(world):
    truth, found = world
    ours = average_precision(truth, found, [1, 3])
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = truth
        ground.createIndex()
        reference = COCOeval(ground, ground.loadRes(found), 'bbox')
        reference.params.catIds = [1, 3]
        reference.evaluate()
        reference.accumulate()
        reference.summarize()
    assert ours['AP'] == pytest.approx(100 * reference.stats[0], abs=1e-6)
    assert ours['AP75'] == pytest.approx(100 * reference.stats[2], abs=1e-6)
    at_90 = reference.eval['precision'][list(reference.params.iouThrs.round(2)).index(0.9), :, :, 0, -1]
    assert ours['AP90'] == pytest.approx(100 * at_90.mean(), abs=1e-6) and 0 < ours['AP90'] < ours['AP75']


def test_perfect_and_no_detections(world):
    truth, _ = world
    perfect = [{**{k: a[k] for k in ('image_id', 'category_id', 'bbox')}, 'score': 0.9} for a in truth['annotations']]
    assert average_precision(truth, perfect, [1, 2, 3])['AP'] == pytest.approx(100)
    assert average_precision(truth, [], [1, 2, 3])['AP'] == 0
    scores, correct, total = match_detections(truth, perfect, [1, 2, 3])
    assert correct.all() and total == 100 and best_f1_score(scores, correct, total) == (0.9, 1.0)


def test_hit_rate_counts_unnamed_objects_with_any_detection(world):
    truth, _ = world
    detections = [{**{k: a[k] for k in ('image_id', 'bbox')}, 'category_id': 1, 'score': 0.5}
                  for a in truth['annotations'] if a['category_id'] == 3]
    assert hit_rate(truth, detections, [3], 0.4) == 100 and hit_rate(truth, detections, [3], 0.6) == 0


def test_calibration_error():
    rng = np.random.default_rng(0)
    scores = rng.random(20000)
    assert calibration_error(scores, rng.random(20000) < scores) < 0.02
    assert calibration_error(np.full(100, 0.9), np.zeros(100, bool)) == pytest.approx(0.9)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0
