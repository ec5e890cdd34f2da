import math

import pytest
import torch

from visionllm.models.connectors import RoIRefiner
from visionllm.structures import ImageTokens
from visionllm.structures.contours import boxes_to_ellipses


@pytest.fixture
def refiner():
    return RoIRefiner(channels=16, crop_size=24, crop_scale=1.0)


def tokens_at(boxes):
    boxes = torch.tensor(boxes)[None]
    objectness = torch.zeros(boxes.shape[:2])
    return ImageTokens(torch.randn(1, boxes.shape[1], 16), boxes, objectness, boxes_to_ellipses(boxes, 8))


def test_it_starts_as_the_identity_and_learns(refiner):
    tokens = tokens_at([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.0, 0.0]])
    picture, mask = torch.rand(1, 3, 32, 32), torch.ones(1, 32, 32).bool()
    seen = refiner.eval()(tokens, picture, mask)
    assert torch.equal(seen.embeddings, tokens.embeddings)
    assert torch.equal(seen.boxes, tokens.boxes) and torch.equal(seen.contours, tokens.contours)
    for last in (refiner.embedding_branch, refiner.box_branch[-1]):
        torch.nn.init.normal_(last.weight, std=0.1)
    seen = refiner.train()(tokens, picture, mask)
    (seen.embeddings.square().sum() + seen.boxes.sum() + seen.contours.sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in refiner.parameters())


def test_in_training_some_embeddings_are_dropped():
    refiner = RoIRefiner(channels=16, crop_size=24, drop_prob=0.5).train()
    tokens = tokens_at([[0.5, 0.5, 0.2, 0.2]] * 200)
    seen = refiner(tokens, torch.rand(1, 3, 32, 32), torch.ones(1, 32, 32).bool()).embeddings
    lacking = (seen == 0).all(-1)
    assert 60 < lacking.sum() < 140 and torch.equal(seen[~lacking], tokens.embeddings[~lacking])


def test_a_box_is_refine_boxes_in_units_of_its_sides_and_its_outline_goes_with_it(refiner):
    tokens = tokens_at([[0.5, 0.5, 0.4, 0.2], [0.5, 0.5, 0.2, 0.1]])
    change = torch.tensor([0.1, 0.0, math.log(2), 0.0]).expand(1, 2, 4)
    boxes, contours = refiner._refine_boxes(tokens, change)
    assert torch.allclose(boxes[0], torch.tensor([[0.54, 0.5, 0.8, 0.2], [0.52, 0.5, 0.4, 0.1]]))
    assert torch.allclose(contours, boxes_to_ellipses(boxes, 8), atol=1e-6)
