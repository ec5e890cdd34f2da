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


def crop(refiner, picture, mask, boxes):
    return refiner.crop(picture, mask, refiner.crop_boxes(mask, boxes))


def chequered(height, width):
    """Each pixel is 16 x row + column: a crop says where it was taken."""
    return (16.0 * torch.arange(height)[:, None] + torch.arange(width)).expand(1, 3, -1, -1)


def test_a_crop_shows_what_is_in_the_box(refiner):
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)  # 192 x 192, squares of 12 pixels
    box = [(4 + 1) / 16, (8 + 1) / 16, 2 / 16, 2 / 16]  # columns 4 and 5, rows 8 and 9
    cut = crop(refiner, picture, torch.ones(1, 192, 192).bool(), torch.tensor([[box]]))[0, 0, 0]
    assert cut.shape == (24, 24)
    assert [cut[6, 6], cut[6, 18], cut[18, 6], cut[18, 18]] == [132, 133, 148, 149]


def test_a_long_box_is_not_squeezed(refiner):
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)
    cut = crop(refiner, picture, torch.ones(1, 192, 192).bool(), torch.tensor([[[0.5, 0.5, 0.5, 0.125]]]))[0, 0, 0]
    rows, columns = cut // 16, cut % 16
    assert rows[0, 12] == 4 and rows[-1, 12] == 11 and columns[12, 0] == 4 and columns[12, -1] == 11


def test_padding_moves_nothing(refiner):
    picture, boxes = torch.rand(1, 3, 40, 60), torch.tensor([[[0.7, 0.4, 0.3, 0.2], [0.95, 0.95, 0.3, 0.3]]])
    alone = crop(refiner, picture, torch.ones(1, 40, 60).bool(), boxes)
    padded, mask = torch.zeros(1, 3, 64, 96), torch.zeros(1, 64, 96).bool()
    padded[..., :40, :60], mask[:, :40, :60] = picture, True
    assert torch.allclose(crop(refiner, padded, mask, boxes), alone, atol=1e-5)


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
