import json

import numpy as np
import pytest
import torch

from visionllm.evaluation import FederatedMetric

CATEGORIES = [dict(id=4, name='b', frequency='r'), dict(id=9, name='a', frequency='c'),
              dict(id=2, name='c', frequency='f')]


def random_world(images=40, classes=12, guesses=15):
    """Pictures with three classes marked, one of them not exhaustively, and three known to be absent; and answers."""
    rng = np.random.default_rng(0)
    categories = [dict(id=3 * k + 1, name=f'n_{k}', frequency='rcf'[k % 3]) for k in range(classes)]
    ids = [c['id'] for c in categories]
    pictures, anns, answers = [], [], []
    for image in range(1, images + 1):
        present = rng.choice(ids, 3, replace=False).tolist()
        absent = rng.choice([i for i in ids if i not in present], 3, replace=False).tolist()
        pictures.append(dict(id=image, width=200, height=200, neg_category_ids=absent,
                             not_exhaustive_category_ids=present[:1]))
        for category in present:
            for _ in range(int(rng.integers(1, 4))):
                box = [float(v) for v in (*rng.uniform(0, 80, 2), *rng.uniform(10, 115, 2))]
                anns.append(dict(id=len(anns) + 1, image_id=image, category_id=category, bbox=box,
                                 area=box[2] * box[3]))
                if rng.random() < 0.8:
                    noisy = [v + float(rng.normal(0, 3)) for v in box]
                    answers.append((image, category, noisy, float(rng.random())))
        for _ in range(guesses):
            box = [float(v) for v in (*rng.uniform(0, 120, 2), *rng.uniform(10, 60, 2))]
            answers.append((image, int(rng.choice(ids)), box, float(rng.random())))
    return dict(images=pictures, annotations=anns, categories=categories), answers


def figures(folder, truth, answers):
    """Of answers ``(image, category, xywh box, score)``."""
    (folder / 'lvis.json').write_text(json.dumps(truth))
    metric = FederatedMetric(str(folder / 'lvis.json'))
    ids = sorted(category['id'] for category in truth['categories'])
    samples = []
    for image in truth['images']:
        mine = [answer for answer in answers if answer[0] == image['id']]
        boxes = torch.tensor([box for _, _, box, _ in mine], dtype=torch.float64).view(-1, 4)
        found = dict(bboxes=torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1),
                     scores=torch.tensor([score for *_, score in mine]),
                     labels=torch.tensor([ids.index(category) for _, category, *_ in mine], dtype=torch.long))
        samples.append(dict(img_id=image['id'], ori_shape=(200, 200), pred_instances=found))
    metric.process({}, samples)
    return {name.removeprefix('lvis/bbox_'): value for name, value in metric.evaluate(len(samples)).items()}


# by lvis-api 0.5.3, run with NumPy's old name for float
@pytest.mark.parametrize('guesses, published', [
    (15, dict(AP=21.10579, AP50=37.11910, AP75=22.03686, APs=5.73229, APm=30.33588, APl=76.71617, APr=21.70804,
              APc=22.35728, APf=19.25206)),
    (400, dict(AP=1.17873, AP50=2.31389, AP75=1.05223, APs=0.82683, APm=1.85572, APl=56.58966, APr=1.35400,
               APc=1.19586, APf=0.98633)),  # more than the 300 of a picture that are judged
])
def test_figures_are_those_of_lvis_api(tmp_path, guesses, published):
    assert figures(tmp_path, *random_world(guesses=guesses)) == pytest.approx(published, abs=1e-4)


def test_only_what_was_looked_for_is_judged(tmp_path):
    box, elsewhere = [10, 10, 50, 50], [100, 100, 50, 50]
    picture = dict(id=1, width=200, height=200, neg_category_ids=[], not_exhaustive_category_ids=[9])
    second = picture | dict(id=2, neg_category_ids=[2])
    objects = [dict(id=1, image_id=1, category_id=9, bbox=box, area=2500),
               dict(id=2, image_id=1, category_id=2, bbox=box, area=2500)]
    truth = dict(images=[picture, second], annotations=objects, categories=CATEGORIES)
    right = [(1, 9, box, 0.5), (1, 2, box, 0.5)]
    alone = figures(tmp_path, truth, right)
    assert alone['AP'] == pytest.approx(100) and alone['APc'] == alone['APf'] == pytest.approx(100)
    assert 'APr' not in alone  # no object is rare
    unjudged = [(1, 9, elsewhere, 0.9), (2, 9, elsewhere, 0.9), (1, 4, box, 0.9)]
    assert figures(tmp_path, truth, right + unjudged) == alone
    wrong = figures(tmp_path, truth, right + [(2, 2, elsewhere, 0.9)])
    assert (wrong['APc'], wrong['APf']) == (pytest.approx(100), pytest.approx(50))


def test_no_answer_at_all_is_zero(tmp_path):
    truth, _ = random_world(images=2)
    assert figures(tmp_path, truth, [])['AP'] == 0
