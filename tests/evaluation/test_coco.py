"""COCO AP of files that are read strictly, with masks that are polygons."""

import json

import numpy as np
import pytest
import torch
from mmdet.structures.mask import PolygonMasks

from visionllm.annotations import AnnotationError
from visionllm.errors import ConfigError
from visionllm.evaluation import InstructionCocoMetric

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]


def write(folder, first_id=0, **values):
    objects = [dict(id=first_id + i, image_id=1, category_id=4, bbox=[10 + 40 * i, 10, 20, 20],
                    segmentation=[[x + 40 * i * (k % 2 == 0) for k, x in enumerate(SQUARE)]], **values)
               for i in range(2)]
    content = dict(images=[dict(id=1, file_name='a.jpg', width=100, height=80)], annotations=objects,
                   categories=[dict(id=4, name='cat')])
    (folder / 'a.json').write_text(json.dumps(content))
    return str(folder / 'a.json')


def evaluate(path, **settings):
    metric = InstructionCocoMetric(path, metric=['bbox', 'segm'], **settings)
    metric.dataset_meta = dict(classes=('cat', ))
    boxes = torch.tensor([[10.0, 10, 30, 30], [50, 10, 70, 30]])
    polygons = [[np.array(SQUARE, float) + [40 * i, 0] * 4] for i in range(2)]
    predicted = dict(bboxes=boxes, scores=torch.tensor([0.9, 0.8]), labels=torch.zeros(2).long(),
                     masks=PolygonMasks(polygons, 80, 100))
    metric.process({}, [dict(img_id=1, ori_shape=(80, 100), pred_instances=predicted)])
    return metric.evaluate(1)


@pytest.mark.parametrize('values', [{}, dict(first_id=5), dict(area=0), dict(area=400, iscrowd=0), dict(area=400)])
def test_a_perfect_answer_has_an_ap_of_1_whatever_the_file_lacks(tmp_path, values):
    result = evaluate(write(tmp_path, **values))
    assert result['coco/bbox_mAP'] == result['coco/segm_mAP'] == 1


def test_other_numbers_of_proposals_would_give_no_ap(tmp_path):
    path = write(tmp_path)
    assert evaluate(path, proposal_nums=(1, 10, 100))['coco/bbox_mAP'] == 1
    for numbers in ((1, 10, 50), (100, ), (1, 10, 100, 1000)):
        with pytest.raises(ConfigError, match='proposal_nums'):
            evaluate(path, proposal_nums=numbers)


def test_faults_of_the_file_are_told(tmp_path):
    with pytest.raises(AnnotationError, match='iscrowd'):
        evaluate(write(tmp_path, iscrowd=3))
