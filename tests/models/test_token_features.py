import pytest
import torch

from visionllm.models.heads.token_features import own_points
from visionllm.structures import CloseUps, ImageTokens
from visionllm.structures.rings import ellipses, extent


@pytest.fixture
def tokens():
    """Two tokens whose close-ups show their boxes' surroundings."""
    boxes = torch.tensor([[[0.25, 0.5, 0.2, 0.2], [0.7, 0.5, 0.2, 0.2]]])
    close_ups = CloseUps([], boxes * torch.tensor([1, 1, 2, 2]), torch.zeros(1, 2, 3, 16, 16))
    return ImageTokens(torch.randn(1, 2, 8), boxes, torch.zeros(1, 2), ellipses(boxes, 64), close_ups)


@pytest.fixture
def masks():
    """The first is empty, the second the left half of its box."""
    masks = torch.full((1, 2, 16, 16), -2.0)
    masks[0, 1, 4:12, 4:8] = 2
    return masks


@pytest.mark.parametrize('count', [4, 8, 24, 100])
def test_an_outline_is_that_of_the_mask_and_has_as_many_points_as_are_asked_for(tokens, masks, count):
    points = own_points(tokens, count, masks)
    assert points.shape == (1, 2, count, 2)
    assert torch.allclose(extent(points[0, 1]), torch.tensor([0.6, 0.4, 0.7, 0.6]), atol=0.02)


def test_a_token_whose_mask_is_empty_has_its_own_outline(tokens, masks):
    assert torch.allclose(own_points(tokens, 64, masks)[0, 0], tokens.rings[0, 0], atol=1e-6)
    tokens.rings = tokens.rings[:, :, :0]
    assert torch.allclose(own_points(tokens, 64, masks)[0, 0], ellipses(tokens.boxes, 64)[0, 0], atol=1e-6)


def test_without_masks_all_have_their_own(tokens):
    assert torch.allclose(own_points(tokens, 64), tokens.rings, atol=1e-6)


def test_a_box_has_two_corners(tokens):
    assert torch.allclose(own_points(tokens, 2)[0, 1], torch.tensor([[0.6, 0.4], [0.8, 0.6]]))
