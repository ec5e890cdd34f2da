import pytest
import torch
from mmdet.registry import MODELS

from visionllm.errors import ConfigError
from visionllm.models.heads.mask_branch import MaskBranch, box_coordinates, mask_losses, mask_scores
from visionllm.models.heads.unet_mask_branch import CROPS_AT_ONCE, UNetMaskBranch
from visionllm.structures import ImageTokens, RoICrops

SIDE = 24


def tokens_of(pictures, embeddings, maps=(), boxes=None):
    """One token a picture, whose box is four fifths of its close-up, which is the whole picture."""
    count = len(pictures)
    frames = torch.tensor([0.5, 0.5, 1.0, 1.0]).expand(count, 1, -1)
    boxes = frames * torch.tensor([1, 1, 0.8, 0.8]) if boxes is None else boxes
    roi_crops = RoICrops([each[:, None] for each in maps], frames, pictures[:, None])
    return ImageTokens(embeddings[:, None], boxes, torch.zeros(count, 1), roi_crops=roi_crops)


def two_halves(count, generator):
    """Pictures whose left and right are of two colours: ``float[count, 3, SIDE, SIDE]``, and what is red in them."""
    border = torch.randint(6, 18, (count, 1, 1), generator=generator)
    red = torch.arange(SIDE).expand(count, SIDE, SIDE) < border
    red = red ^ (torch.rand(count, 1, 1, generator=generator) < 0.5)
    return torch.stack([red, ~red, torch.zeros_like(red)], 1).float(), red


@MODELS.register_module()
class HalfAndQuarter(torch.nn.Module):
    """An encoder whose maps are the pictures themselves, smaller."""

    def forward(self, images):
        return tuple(torch.nn.functional.avg_pool2d(images, side) for side in (2, 4))


def test_it_starts_with_no_pixel():
    maps = [torch.randn(3, 5, 12, 12), torch.randn(3, 2, 6, 6)]
    masks = MaskBranch((5, 2), 8, width=8)(tokens_of(torch.randn(3, 3, SIDE, SIDE), torch.randn(3, 8), maps))
    assert masks.shape == (3, 1, SIDE, SIDE) and (masks < 0).all()


def test_it_learns_which_of_two_things_its_token_is():
    """The same pixels belong to one token and not to another."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    branch = MaskBranch((), 2, width=8, stem_width=8, hidden=32)
    optimizer = torch.optim.AdamW(branch.parameters(), lr=1e-2)

    def masks_and_truth(count=16):
        pictures, red = two_halves(count, generator)
        asked = torch.eye(2)[torch.arange(count) % 2]  # red, green, red, ...
        return branch(tokens_of(pictures, asked))[:, 0], red ^ (torch.arange(count) % 2 == 1)[:, None, None]

    for _ in range(60):
        masks, truth = masks_and_truth()
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(masks, truth.float()).backward()
        optimizer.step()
    with torch.no_grad():
        masks, truth = masks_and_truth()
    assert ((masks > 0) == truth).float().mean() > 0.97


def test_a_unet_learns_which_of_two_things_lies_in_the_box():
    """Two boxes on the same pixels have different masks, whatever the tokens."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    branch = UNetMaskBranch(dict(type='HalfAndQuarter'), (3, 3), 8, widths=(8, 8), stem_width=8)
    optimizer = torch.optim.AdamW(branch.parameters(), lr=1e-2)

    def masks_and_truth(count=16):
        pictures, red = two_halves(count, generator)
        truth = red ^ (torch.arange(count) % 2 == 1)[:, None, None]  # the left or the right part
        width, start = truth[:, 0].float().mean(1), truth[:, 0].int().argmax(1) / SIDE
        boxes = torch.stack([start + width / 2, torch.full_like(width, 0.5), width, torch.ones_like(width)], 1)[:, None]
        tokens = tokens_of(pictures, torch.randn(count, 8), boxes=boxes)
        return branch(tokens)[:, 0], torch.nn.functional.avg_pool2d(truth[:, None].float(), 2)[:, 0]

    assert (masks_and_truth()[0] < 0).all()  # untrained: no pixel
    for _ in range(150):
        masks, truth = masks_and_truth()
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(masks, truth).backward()
        optimizer.step()
    with torch.no_grad():
        masks, truth = masks_and_truth()
        many, _ = masks_and_truth(CROPS_AT_ONCE + 1)
    assert masks.shape == (16, SIDE // 2, SIDE // 2) and len(many) == CROPS_AT_ONCE + 1
    assert ((masks > 0) == (truth > 0.5)).float().mean() > 0.95


@pytest.fixture
def squares():
    """Two tokens beside a padded one, their outlines, and masks that are right: a square and half of one."""
    boxes = torch.tensor([[[0.25, 0.5, 0.25, 0.25], [0.75, 0.5, 0.25, 0.25], [0.25, 0.5, 0.25, 0.25]]])
    pictures = torch.zeros(1, 3, 3, SIDE, SIDE)
    tokens = ImageTokens(torch.zeros(1, 3, 8), boxes, torch.zeros(1, 3),
                         roi_crops=RoICrops([], boxes * torch.tensor([1, 1, 2, 2]), pictures))
    corners = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    contours = boxes[0, :2, None, :2] + 0.25 * torch.stack([corners, corners * torch.tensor([1, 0.5])])
    masks = torch.full((1, 3, SIDE, SIDE), -8.0)
    masks[0, 0, 6:18, 6:18] = masks[0, 1, 9:15, 6:18] = 8
    return tokens, torch.tensor([[True, True, False]]), contours, masks


def test_masks_that_are_right_cost_nothing_and_those_of_each_other_do(squares):
    tokens, real, contours, masks = squares
    regions = tokens.roi_crops.boxes[real]
    right = mask_losses(masks[real], regions, contours)['loss_mask']
    wrong = mask_losses(masks[:, [1, 0, 2]][real], regions, contours)['loss_mask']
    assert right.count == wrong.count == 2
    assert 0 <= right.value < 0.15 and wrong.value > 1


def test_a_mask_is_as_sure_as_the_pixels_inside_it():
    masks = torch.full((1, 3, 4, 4), -9.0)
    masks[0, 0, :2] = 9
    masks[0, 1, :2] = torch.tensor(0.7).logit()
    masks[0, 2, 0, 0] = torch.tensor(0.3).logit()  # an empty mask
    assert mask_scores(masks)[0].tolist() == pytest.approx([1, 0.7, 0.3], abs=1e-3)


def test_pixels_know_where_they_are_in_their_box():
    x, y = box_coordinates(torch.tensor([[0.25, 0.0, 0.5, 0.125]]), torch.Size((8, 16)))[0]
    assert x[0, 12] == 0.125 and x[0, 8] == -0.875  # the box's right half begins in the middle of the right half
    assert x.min() == -2 and y.min() == -2 and y.max() == 2  # far away it does not matter how far
    assert y[3, 0] == -1 and y[4, 0] == 1


def test_a_box_without_sides_is_harmless():
    branch = MaskBranch((), 4, width=8)
    torch.nn.init.normal_(branch.controller[-1].weight)
    flat = torch.tensor([0.5, 0.5, 0.0, 0.0]).expand(2, 1, -1)
    branch(tokens_of(torch.randn(2, 3, SIDE, SIDE), torch.randn(2, 4), boxes=flat)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in branch.parameters())


def test_crops_without_feature_maps_are_refused_by_a_branch_that_reads_maps():
    with pytest.raises(ConfigError, match='reads 3 maps of RoI crops and is given 1: .* RoIEncoder'):
        MaskBranch((5, 2), 4, width=8)(tokens_of(torch.randn(2, 3, SIDE, SIDE), torch.randn(2, 4)))


def test_a_model_without_a_second_look_is_told_what_is_missing():
    tokens = ImageTokens(torch.zeros(1, 2, 8), torch.zeros(1, 2, 4), torch.zeros(1, 2))
    with pytest.raises(ValueError, match='add roi='):
        MaskBranch((), 8)(tokens)
