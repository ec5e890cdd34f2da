import json
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visionllm.evaluation.keypoints import PERSON_SIGMAS, flatten_keypoints
from visionllm.language import TASKS
from visionllm.language.tasks import PERSON_POINTS


@pytest.fixture
def people(tmp_path):
    """A keypoint file of 12 images with people of all sizes, some keypoints occluded and some not labelled."""
    rng = np.random.default_rng(0)
    images, people = [dict(id=i, file_name=f'{i}.jpg', width=640, height=480) for i in range(12)], []
    for number in range(40):
        side = rng.uniform(30, 250)
        points = rng.uniform(0, side, (17, 2)) + rng.uniform(0, 200, 2)
        seen = rng.integers(0, 3, 17) if number else np.zeros(17, int)  # of the first nothing is labelled
        x, y = points.min(0)
        people.append(dict(
            id=number + 1, image_id=number % 12, category_id=1, iscrowd=0, area=0.6 * side**2,
            bbox=[x, y, side, side], num_keypoints=int((seen > 0).sum()),
            keypoints=np.concatenate([points, seen[:, None]], 1).ravel().tolist()))
    names = [name.replace(' ', '_') for name in PERSON_POINTS]
    content = dict(info={}, images=images, annotations=people, categories=[dict(id=1, name='person', keypoints=names)])
    (tmp_path / 'people.json').write_text(json.dumps(content))
    return tmp_path / 'people.json'


def samples_of(path, off=0.0, order=PERSON_POINTS):
    """Samples with all people, their keypoints moved by ``off`` of their size, and false positives if ``off``."""
    rng, content, samples = np.random.default_rng(1), json.loads(path.read_text()), []
    for image in content['images']:
        there = [ann for ann in content['annotations'] if ann['image_id'] == image['id']]
        points = np.array([ann['keypoints'] for ann in there]).reshape(-1, 17, 3)[..., :2]
        points = points + rng.normal(0, off, points.shape) * np.sqrt([ann['area'] for ann in there])[:, None, None]
        scores = rng.uniform(0.5, 1, len(there))
        if off:
            points, scores = np.concatenate([points, points[:1] + 40]), np.append(scores, 0.6)
        instruction = TASKS['keypoints'].write_instruction(['person'], points=order)
        sample = DetDataSample(metainfo=dict(img_id=image['id'], text=('person', ), instruction=instruction))
        places = [PERSON_POINTS.index(name) for name in order]
        sample.pred_instances = InstanceData(keypoints=torch.tensor(points)[:, places], scores=torch.tensor(scores),
                                             labels=torch.zeros(len(points), dtype=torch.long))
        samples.append(sample)
    return samples


def evaluate(path, samples, **options):
    evaluator = Evaluator([dict(type='KeypointMetric', ann_file=str(path), **options)])
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def pycocotools(path, samples):
    """AP, AP50, AP75, those of medium and large people, and AR."""
    records = [dict(image_id=sample.img_id, category_id=1, score=float(score),
                    keypoints=flatten_keypoints(points.numpy()))
               for sample in samples
               for score, points in zip(sample.pred_instances.scores, sample.pred_instances.keypoints)]
    with redirect_stdout(StringIO()):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes(records), 'keypoints')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * evaluation.stats[:6]


def test_perfect_detections_have_an_ap_of_100(people):
    metrics = evaluate(people, samples_of(people))
    assert metrics['keypoints/AP'] == pytest.approx(100) and metrics['keypoints/AR'] == pytest.approx(100)


@pytest.mark.parametrize('off', [0.02, 0.06, 0.2])
def test_figures_are_those_of_pycocotools(people, off):
    samples = samples_of(people, off)
    metrics = evaluate(people, samples)
    assert list(metrics.values()) == pytest.approx(pycocotools(people, samples).tolist(), abs=1e-6)
    assert 5 < metrics['keypoints/AP'] < 99 or off == 0.2


def test_keypoints_may_have_any_order(people):
    straight = evaluate(people, samples_of(people, 0.06))
    assert evaluate(people, samples_of(people, 0.06, PERSON_POINTS[::-1])) == straight


def test_one_sigma_for_all_keypoints(people):
    strict, lenient = (evaluate(people, samples_of(people, 0.06), sigmas=sigma) for sigma in (0.02, 0.2))
    assert strict['keypoints/AP'] < lenient['keypoints/AP']


def test_no_detections_have_an_ap_of_0(people):
    samples = samples_of(people)
    for sample in samples:
        sample.pred_instances = sample.pred_instances[:0]
    assert evaluate(people, samples)['keypoints/AP'] == 0


def test_bad_instructions_and_sigmas_raise_an_error(people):
    samples = samples_of(people, order=PERSON_POINTS[:3])
    with pytest.raises(ValueError, match='has the keypoints nose, left eye, right eye, and .* has nose'):
        evaluate(people, samples)
    with pytest.raises(ValueError, match='has 17 keypoints and there are 16 sigmas'):
        evaluate(people, samples_of(people), sigmas=PERSON_SIGMAS[1:])
