import pytest
import torch

from visionllm.structures import Detections
from visionllm.structures.detections import MIN_SCORE, group_by_box, pad_detections

A, B = [0.5, 0.5, 0.2, 0.2], [0.25, 0.5, 0.1, 0.3]


def test_detections_of_one_box_are_one_token():
    found = group_by_box(torch.tensor([A, B, A, A]), torch.tensor([0.3, 0.8, 0.6, 0.2]), torch.tensor([0, 1, 2, 0]), 3)
    scores = {tuple(box): row for box, row in zip(found.boxes[0].tolist(), found.class_logits[0].sigmoid().tolist())}
    expected = {tuple(torch.tensor(A).tolist()): [0.3, MIN_SCORE, 0.6],  # the best of a class reported twice
                tuple(torch.tensor(B).tolist()): [MIN_SCORE, 0.8, MIN_SCORE]}
    assert scores.keys() == expected.keys()
    assert all(scores[box] == pytest.approx(expected[box], abs=1e-6) for box in scores)


def test_an_image_without_a_detection_has_one_token_without_a_score():
    found = group_by_box(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 3)
    assert found.boxes.tolist() == [[[0, 0, 0, 0]]]
    assert torch.allclose(found.class_logits.sigmoid(), torch.full((1, 1, 3), MIN_SCORE))


def test_certain_scores_have_finite_log_odds():
    found = group_by_box(torch.tensor([A, B]), torch.tensor([1.0, 0.0]), torch.tensor([0, 0]), 1)
    assert found.class_logits.isfinite().all() and found.objectness.isfinite().all()


def test_the_best_come_first_and_padding_last():
    one = Detections(torch.rand(1, 3, 4), torch.tensor([[[0., -1], [3, -9], [-4, 1]]]), torch.randn(1, 3, 2))
    other = Detections(torch.rand(1, 1, 4), torch.tensor([[[-2., -2]]]), torch.randn(1, 1, 2))
    both = pad_detections([one, other]).top(2)
    assert torch.equal(both.boxes[0], one.boxes[0, [1, 2]])
    assert torch.equal(both.embeddings[0], one.embeddings[0, [1, 2]])
    assert torch.equal(both.boxes[1, 0], other.boxes[0, 0]) and both.class_logits[1, 1].sigmoid().max() < 2 * MIN_SCORE
    assert torch.equal(both.select(1).boxes, both.boxes[1:]) and both.top(9).boxes.shape == (2, 2, 4)
