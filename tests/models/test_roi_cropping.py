import pytest
import torch
import torch.nn.functional as F

from visionllm.models.connectors.roi_cropping import crop_boxes, crop_images, crop_images_antialiased


def crop(picture, mask, boxes, crop_images=crop_images):
    return crop_images(picture, mask, crop_boxes(mask, boxes, 1.0), 24)


def chequered(height, width):
    """Each pixel is 16 x row + column: a crop says where it was taken."""
    return (16.0 * torch.arange(height)[:, None] + torch.arange(width)).expand(1, 3, -1, -1)


def test_a_crop_shows_what_is_in_the_box():
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)  # 192 x 192, squares of 12 pixels
    box = [(4 + 1) / 16, (8 + 1) / 16, 2 / 16, 2 / 16]  # columns 4 and 5, rows 8 and 9
    cut = crop(picture, torch.ones(1, 192, 192).bool(), torch.tensor([[box]]))[0, 0, 0]
    assert cut.shape == (24, 24)
    assert [cut[6, 6], cut[6, 18], cut[18, 6], cut[18, 18]] == [132, 133, 148, 149]


def test_a_long_box_is_not_squeezed():
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)
    cut = crop(picture, torch.ones(1, 192, 192).bool(), torch.tensor([[[0.5, 0.5, 0.5, 0.125]]]))[0, 0, 0]
    rows, columns = cut // 16, cut % 16
    assert rows[0, 12] == 4 and rows[-1, 12] == 11 and columns[12, 0] == 4 and columns[12, -1] == 11


@pytest.mark.parametrize('crop_images', [crop_images, crop_images_antialiased])
def test_padding_moves_nothing(crop_images):
    picture, boxes = torch.rand(1, 3, 40, 60), torch.tensor([[[0.7, 0.4, 0.3, 0.2], [0.95, 0.95, 0.3, 0.3]]])
    alone = crop(picture, torch.ones(1, 40, 60).bool(), boxes, crop_images)
    padded, mask = torch.zeros(1, 3, 64, 96), torch.zeros(1, 64, 96).bool()
    padded[..., :40, :60], mask[:, :40, :60] = picture, True
    assert torch.allclose(crop(padded, mask, boxes, crop_images), alone, atol=1e-5)


def test_a_large_region_is_averaged_and_a_small_one_is_not():
    fine = torch.arange(96) % 2 * torch.ones(1, 3, 96, 1)  # columns of 0 and 1, one pixel wide
    mask, boxes = torch.ones(1, 96, 96).bool(), torch.tensor([[[0.5, 0.5, 1.0, 1.0], [0.5, 0.5, 0.25, 0.25]]])
    large, small = crop(fine, mask, boxes, crop_images_antialiased)[0]
    assert (large - 0.5).abs().max() < 0.1
    assert torch.equal(small, crop(fine, mask, boxes)[0, 1]) and small.std() > 0.4


def test_a_smooth_picture_is_cropped_alike_at_every_resolution():
    smooth = F.interpolate(torch.rand(1, 3, 4, 4), (200, 240), mode='bicubic')
    mask, boxes = torch.ones(1, 200, 240).bool(), torch.tensor([[[0.5, 0.5, 0.6, 0.7], [0.3, 0.3, 0.2, 0.3]]])
    assert torch.allclose(crop(smooth, mask, boxes, crop_images_antialiased), crop(smooth, mask, boxes), atol=0.05)
