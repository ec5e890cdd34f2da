"""Figures and mistakes of detections whose answers are known by construction."""

import numpy as np
import pytest

from visionllm.evaluation.detection_summary import DetectionSummary
from visionllm.evaluation.error_kinds import KINDS, find_mistakes
from visionllm.evaluation.matching import match_by_coco, restrict

BOX = (0, 0, 10, 10)  # xywh
TOO_SMALL = (0, 0, 10, 4)  # IoU 0.4 with it
ELSEWHERE = (50, 50, 10, 10)
CAT, DOG = 1, 2


def truth_of(*objects):
    """One image of 100 pixels for each list of objects (category, box, crowd)."""
    annotations = [dict(image_id=image, category_id=category, bbox=list(box), area=box[2] * box[3], iscrowd=crowd)
                   for image, members in enumerate(objects) for category, box, crowd in members]
    annotations = [dict(each, id=number) for number, each in enumerate(annotations)]  # COCO's own files have no id 0
    return dict(images=[dict(id=image, width=100, height=100) for image in range(len(objects))],
                categories=[dict(id=CAT, name='cat'), dict(id=DOG, name='dog')], annotations=annotations)


def found(category, box, score=0.9, image=0):
    return dict(image_id=image, category_id=category, bbox=list(box), score=score)


ONE_CAT = truth_of([(CAT, BOX, 0)])


@pytest.mark.parametrize('detections, kinds', [
    ([found(CAT, BOX)], []),
    ([found(CAT, TOO_SMALL)], ['localisation']),
    ([found(DOG, BOX)], ['class']),
    ([found(DOG, TOO_SMALL)], ['both', 'missed']),
    ([found(CAT, BOX), found(CAT, BOX, 0.8)], ['duplicate']),
    ([found(CAT, ELSEWHERE)], ['background', 'missed']),
    ([], ['missed']),
])
def test_each_kind_of_mistake(detections, kinds):
    assert [mistake.kind for mistake in find_mistakes(ONE_CAT, detections)] == kinds


@pytest.mark.parametrize('kind, detections, cost', [
    ('localisation', [found(CAT, TOO_SMALL)], 100), ('class', [found(DOG, BOX)], 100),
    ('missed', [], 0),  # no AP is left without objects
    ('background', [found(CAT, ELSEWHERE), found(CAT, BOX, 0.8)], 50),
    ('duplicate', [found(CAT, BOX), found(CAT, BOX, 0.8)], 0),  # behind the last object it costs no AP
])
def test_what_a_mistake_costs(kind, detections, cost):
    costs = DetectionSummary(ONE_CAT, detections).costs
    assert set(costs) == set(KINDS)
    assert costs[kind] == pytest.approx(cost, abs=0.5)


def test_a_mistake_names_the_object_that_was_meant():
    truth = truth_of([(CAT, ELSEWHERE, 0), (CAT, BOX, 0)])
    wrong, missed = find_mistakes(truth, [found(CAT, TOO_SMALL)])
    assert (wrong.detection, wrong.annotation) == (0, 1)
    assert (missed.detection, missed.annotation) == (None, 0)


def test_crowds_are_neither_right_nor_wrong():
    truth = truth_of([(CAT, (0, 0, 60, 60), 1), (CAT, (80, 80, 10, 10), 0)])
    detections = [found(CAT, BOX), found(CAT, (80, 80, 10, 10), 0.8)]
    assert not find_mistakes(truth, detections)
    summary = DetectionSummary(truth, detections)
    assert summary.as_dict()['objects'] == 1 and summary.f1['F1@0.5'] == 100
    assert summary.confusion.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_matches_at_several_ious():
    matching = match_by_coco(ONE_CAT, [found(CAT, (0, 0, 10, 8))])  # IoU 0.8
    assert matching.found[:, 0].tolist() == [0] * 7 + [-1] * 3


def test_masks_are_compared_instead_of_boxes():
    from pycocotools import mask
    pixels = np.zeros((2, 100, 100), np.uint8)
    pixels[0, :10, :10], pixels[1, :10, :4] = 1, 1
    whole, part = (mask.encode(np.asfortranarray(each)) for each in pixels)
    truth = truth_of([(CAT, BOX, 0)])
    truth['annotations'][0]['segmentation'] = whole
    record = found(CAT, BOX)
    assert not find_mistakes(truth, [record | dict(segmentation=whole)], 'segm')
    assert find_mistakes(truth, [record | dict(segmentation=part)], 'segm')[0].kind == 'localisation'


@pytest.fixture
def summary():
    """A cat found, with a weaker box on nothing; a dog taken for a cat; a dog found with a low score."""
    truth = truth_of([(CAT, BOX, 0)], [(DOG, BOX, 0)], [(DOG, BOX, 0)])
    return DetectionSummary(truth, [
        found(CAT, BOX, 0.9), found(CAT, ELSEWHERE, 0.2), found(CAT, BOX, 0.95, 1), found(DOG, BOX, 0.1, 2)])


def test_thresholds_have_the_best_f1(summary):
    assert summary.thresholds == pytest.approx(dict(cat=0.9, dog=0.1))
    assert [result.f1 for result in summary.classes] == pytest.approx([200 / 3, 200 / 3])
    assert len(summary.kept) == 3


def test_figures_by_class_and_iou(summary):
    cat, dog = summary.classes
    assert (cat.objects, dog.objects) == (1, 2)
    assert cat.ap50 == pytest.approx(50, abs=0.5) and dog.ap50 == pytest.approx(100 * 51 / 101)
    assert summary.average['AP50'] == pytest.approx((cat.ap50 + dog.ap50) / 2)
    assert summary.f1 == pytest.approx({'F1@0.5': 200 / 3, 'F1@0.95': 200 / 3, 'F1@mean': 200 / 3})


def test_confusion(summary):
    assert summary.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert summary.confusions() == [('dog', 'cat', 1)]


def test_calibration(summary):
    # of 15 bins 0.9 is in the one of 0.87 to 0.93, so no two scores share one
    gaps = [1 - 0.9, 0.95, 1 - 0.1, 0.2]  # the first two are of scores above 0.3
    assert summary.calibration_errors == pytest.approx(dict(
        calibration_error=sum(gaps) / 4, calibration_error_confident=sum(gaps[:2]) / 2))


def test_nothing_found_at_all():
    content = DetectionSummary(ONE_CAT, []).as_dict()
    assert content['AP'] == content['F1@0.5'] == content['calibration_error'] == 0
    assert content['mistakes']['missed']['count'] == 1
    assert [each['threshold'] for each in content['classes']] == [None, None]
    assert content['classes'][1]['ap'] is None


def test_only_what_was_tested():
    truth = truth_of([(CAT, BOX, 0), (DOG, BOX, 0)], [(CAT, BOX, 0)])
    kept = restrict(truth, {0}, [CAT])
    assert [len(kept[key]) for key in ('images', 'categories', 'annotations')] == [1, 1, 1]
