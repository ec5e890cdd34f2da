import numpy as np
import pytest
from pycocotools import mask as mask_utils

from visionllm.apis.studies import ground_truth_polygons, round_to_bins
from visionllm.evaluation.detection import average_precision


def test_corners_are_round_to_bins_to_the_bins_of_offsets():
    record = dict(image_id=1, bbox=[10.4, 21.0, 30.0, 7.7], score=0.5)
    coarse = round_to_bins(record, {1: (128, 64)}, 129)  # steps of 2 and of 1 pixels
    assert coarse == dict(image_id=1, bbox=[10.0, 21.0, 30.0, 8.0], score=0.5)
    fine = round_to_bins(record, {1: (128, 64)}, 100_001)
    assert fine['bbox'] == pytest.approx(record['bbox'], abs=0.002)


def test_true_contours_of_few_points_have_lower_ap():
    teeth = [[10, 10], [20, 40], [30, 10], [40, 40], [50, 10], [60, 40], [70, 10], [70, 60], [10, 60]]
    square = np.zeros((80, 90), np.uint8, order='F')
    square[50:70, 75:88] = 1
    shapes = [[np.ravel(teeth).tolist()], mask_utils.encode(square), [[0, 0, 89, 0, 89, 79, 0, 79]]]
    truth = dict(images=[dict(id=4, height=80, width=90)], categories=[dict(id=2, name='saw'), dict(id=7, name='tile')],
                 annotations=[dict(id=i, image_id=4, category_id=c, bbox=[0, 0, 9, 9], area=900, iscrowd=crowd,
                                   segmentation=shape)
                              for i, (c, crowd, shape) in enumerate(zip((2, 7, 2), (0, 0, 1), shapes), 1)])
    rough, fine = (ground_truth_polygons(truth, count) for count in (4, 24))
    assert [answer['category_id'] for answer in fine] == [2, 7]  # a crowd is no answer
    lost, kept = (average_precision(truth, answers, [2, 7], iou_type='segm')['AP'] for answers in (rough, fine))
    assert kept == pytest.approx(100) and lost < 75
