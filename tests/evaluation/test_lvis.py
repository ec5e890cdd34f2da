import json

import numpy as np
import pytest
import torch

from visionllm.evaluation import FederatedMetric

CATEGORIES = [dict(id=4, name='b', frequency='r'), dict(id=9, name='a', frequency='c'),
              dict(id=2, name='c', frequency='f')]


def random_world(images=40, classes=12, guesses=15):
    """Images with three annotated classes, one of them not exhaustively, and three negative ones; and detections."""
    rng = np.random.default_rng(0)
    categories = [dict(id=3 * k + 1, name=f'n_{k}', frequency='rcf'[k % 3]) for k in range(classes)]
    ids = [c['id'] for c in categories]
    records, anns, detections = [], [], []
    for image in range(1, images + 1):
        present = rng.choice(ids, 3, replace=False).tolist()
        absent = rng.choice([i for i in ids if i not in present], 3, replace=False).tolist()
        records.append(dict(id=image, coco_url=f'train2017/{image}.jpg', width=200, height=200, neg_category_ids=absent,
                             not_exhaustive_category_ids=present[:1]))
        for category in present:
            for _ in range(int(rng.integers(1, 4))):
                box = [float(v) for v in (*rng.uniform(0, 80, 2), *rng.uniform(10, 115, 2))]
                anns.append(dict(id=len(anns) + 1, image_id=image, category_id=category, bbox=box,
                                 area=box[2] * box[3]))
                if rng.random() < 0.8:
                    noisy = [v + float(rng.normal(0, 3)) for v in box]
                    detections.append((image, category, noisy, float(rng.random())))
        for _ in range(guesses):
            box = [float(v) for v in (*rng.uniform(0, 120, 2), *rng.uniform(10, 60, 2))]
            detections.append((image, int(rng.choice(ids)), box, float(rng.random())))
    return dict(images=records, annotations=anns, categories=categories), detections


def evaluate(folder, truth, detections):
    """Metrics of detections ``(image, category, xywh box, score)``."""
    (folder / 'lvis.json').write_text(json.dumps(truth))
    metric = FederatedMetric(str(folder / 'lvis.json'))
    ids = sorted(category['id'] for category in truth['categories'])
    samples = []
    for image in truth['images']:
        own = [detection for detection in detections if detection[0] == image['id']]
        boxes = torch.tensor([box for _, _, box, _ in own], dtype=torch.float64).view(-1, 4)
        found = dict(bboxes=torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1),
                     scores=torch.tensor([score for *_, score in own]),
                     labels=torch.tensor([ids.index(category) for _, category, *_ in own], dtype=torch.long))
        samples.append(dict(img_id=image['id'], ori_shape=(200, 200), pred_instances=found))
    metric.process({}, samples)
    return {name.removeprefix('lvis/bbox_'): value for name, value in metric.evaluate(len(samples)).items()}


# from lvis-api 0.5.3, run with NumPy's former name for float
@pytest.mark.parametrize('guesses, published', [
    (15, dict(AP=21.10579, AP50=37.11910, AP75=22.03686, APs=5.73229, APm=30.33588, APl=76.71617, APr=21.70804,
              APc=22.35728, APf=19.25206)),
    (400, dict(AP=1.17873, AP50=2.31389, AP75=1.05223, APs=0.82683, APm=1.85572, APl=56.58966, APr=1.35400,
               APc=1.19586, APf=0.98633)),  # more detections per image than the 300 that are evaluated
])
def test_figures_are_those_of_lvis_api(tmp_path, guesses, published):
    assert evaluate(tmp_path, *random_world(guesses=guesses)) == pytest.approx(published, abs=1e-4)


def test_only_annotated_classes_are_evaluated(tmp_path):
    box, elsewhere = [10, 10, 50, 50], [100, 100, 50, 50]
    image = dict(id=1, file_name='1.jpg', width=200, height=200, neg_category_ids=[], not_exhaustive_category_ids=[9])
    second = image | dict(id=2, neg_category_ids=[2])
    objects = [dict(id=1, image_id=1, category_id=9, bbox=box, area=2500),
               dict(id=2, image_id=1, category_id=2, bbox=box, area=2500)]
    truth = dict(images=[image, second], annotations=objects, categories=CATEGORIES)
    right = [(1, 9, box, 0.5), (1, 2, box, 0.5)]
    alone = evaluate(tmp_path, truth, right)
    assert alone['AP'] == pytest.approx(100) and alone['APc'] == alone['APf'] == pytest.approx(100)
    assert 'APr' not in alone  # no rare class has objects
    ignored = [(1, 9, elsewhere, 0.9), (2, 9, elsewhere, 0.9), (1, 4, box, 0.9)]
    assert evaluate(tmp_path, truth, right + ignored) == alone
    wrong = evaluate(tmp_path, truth, right + [(2, 2, elsewhere, 0.9)])
    assert (wrong['APc'], wrong['APf']) == (pytest.approx(100), pytest.approx(50))


def test_no_detections_have_an_ap_of_0(tmp_path):
    truth, _ = random_world(images=2)
    assert evaluate(tmp_path, truth, [])['AP'] == 0
