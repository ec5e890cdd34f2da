import pytest
import torch

from visionllm.models.heads.proposal_points import proposal_points
from visionllm.structures import ImageTokens, RoICrops
from visionllm.structures.contours import boxes_to_ellipses, points_to_boxes


@pytest.fixture
def tokens():
    """Two tokens whose close-ups show their boxes' surroundings."""
    boxes = torch.tensor([[[0.25, 0.5, 0.2, 0.2], [0.7, 0.5, 0.2, 0.2]]])
    roi_crops = RoICrops([], boxes * torch.tensor([1, 1, 2, 2]), torch.zeros(1, 2, 3, 16, 16))
    return ImageTokens(torch.randn(1, 2, 8), boxes, torch.zeros(1, 2), boxes_to_ellipses(boxes, 64), roi_crops)


@pytest.fixture
def masks():
    """The first is empty, the second the left half of its box."""
    masks = torch.full((1, 2, 16, 16), -2.0)
    masks[0, 1, 4:12, 4:8] = 2
    return masks


@pytest.mark.parametrize('count', [4, 8, 24, 100])
def test_an_outline_is_that_of_the_mask_and_has_as_many_points_as_are_asked_for(tokens, masks, count):
    points = proposal_points(tokens, count, masks)
    assert points.shape == (1, 2, count, 2)
    assert torch.allclose(points_to_boxes(points[0, 1]), torch.tensor([0.6, 0.4, 0.7, 0.6]), atol=0.02)


def test_a_token_whose_mask_is_empty_has_its_own_outline(tokens, masks):
    assert torch.allclose(proposal_points(tokens, 64, masks)[0, 0], tokens.contours[0, 0], atol=1e-6)
    tokens.contours = tokens.contours[:, :, :0]
    ellipse = boxes_to_ellipses(tokens.boxes, 64)[0, 0]
    assert torch.allclose(proposal_points(tokens, 64, masks)[0, 0], ellipse, atol=1e-6)


def test_without_masks_all_have_their_own(tokens):
    assert torch.allclose(proposal_points(tokens, 64), tokens.contours, atol=1e-6)


def test_a_box_has_two_corners(tokens):
    assert torch.allclose(proposal_points(tokens, 2)[0, 1], torch.tensor([[0.6, 0.4], [0.8, 0.6]]))
