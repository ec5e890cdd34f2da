import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

OBJECT, NEAR, FAR = [10., 10, 30, 30], [10., 10, 30, 20], [10., 10, 30, 19]  # IoU 1, 0.5 and 0.45 with OBJECT


def sample_of(truth: list, found: list[tuple[float, list]], **metainfo) -> DetDataSample:
    """``truth``: boxes; ``found``: scores and boxes."""
    sample = DetDataSample(metainfo=dict(img_id=1, scale_factor=(1.0, 1.0), **metainfo))
    sample.gt_instances = InstanceData(bboxes=torch.tensor(truth).reshape(-1, 4))
    sample.pred_instances = InstanceData(scores=torch.tensor([score for score, _ in found]),
                                         bboxes=torch.tensor([box for _, box in found]).reshape(-1, 4))
    return sample


def evaluate(samples: list, **options) -> dict:
    evaluator = Evaluator([dict(type='GroundingMetric', **options)])
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('found, right', [
    ([(0.9, OBJECT)], True),
    ([(0.01, OBJECT)], True),  # whatever its score
    ([(0.9, NEAR)], True),
    ([(0.9, FAR)], False),
    ([(0.5, OBJECT), (0.6, FAR)], False),
    ([(0.5, FAR), (0.6, OBJECT), (0.1, FAR)], True),
    ([(0.9, [20., 20, 20, 20])], False),
    ([], False),
])
def test_only_the_top_scoring_box_counts(found, right):
    assert evaluate([sample_of([OBJECT], found)]) == {'grounding/P@0.5': 100 * right}


def test_groups_have_their_own_metrics():
    hit, miss = [(0.9, OBJECT)], [(0.9, FAR)]
    samples = [
        sample_of([OBJECT], hit),
        sample_of([OBJECT], hit, relation=False),
        sample_of([OBJECT], hit, relation=True),
        sample_of([OBJECT], miss, relation=True),
        sample_of([], [(0.1, OBJECT), (0.3, OBJECT)]),  # 0.3 predicts a matching object
        sample_of([], [(0.29, OBJECT)], relation=True),
        sample_of([], []),
    ]
    scores = evaluate(samples)
    assert scores == {'grounding/P@0.5': 75, 'grounding/P@0.5_relation': 50,
                      'grounding/none_right': pytest.approx(200 / 3)}
    assert evaluate(samples, score_thr=0.95)['grounding/none_right'] == 100
    assert evaluate(samples[4:]) == {'grounding/none_right': pytest.approx(200 / 3)}


def test_a_stricter_iou_threshold():
    scores = evaluate([sample_of([OBJECT], [(0.9, NEAR)]), sample_of([OBJECT], [(0.9, OBJECT)])], iou_thr=0.75)
    assert scores == {'grounding/P@0.75': 50}


def test_ground_truth_is_in_pixels_of_the_original_image():
    sample = sample_of([OBJECT], [(0.9, OBJECT)])
    sample.set_metainfo(dict(scale_factor=(2.0, 2.0)))
    assert evaluate([sample]) == {'grounding/P@0.5': 100}


def test_bad_samples_raise_an_error():
    with pytest.raises(ValueError, match='There is no expression to evaluate.'):
        evaluate([])
    with pytest.raises(ValueError, match="Image 1 has 2 ground truth boxes for 'the star'"):
        evaluate([sample_of([OBJECT, FAR], [(0.9, OBJECT)], expression='the star')])
