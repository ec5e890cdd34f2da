import math

import pytest
import torch

from visionllm.models.connectors import SecondLook
from visionllm.structures import ImageTokens
from visionllm.structures.rings import ellipses


@pytest.fixture
def look():
    return SecondLook(channels=16, size=24, margin=1.0)


def tokens_at(boxes):
    boxes = torch.tensor(boxes)[None]
    return ImageTokens(torch.randn(1, boxes.shape[1], 16), boxes, torch.zeros(boxes.shape[:2]), ellipses(boxes, 8))


def cut_out(look, picture, mask, boxes):
    return look.cut_out(picture, mask, look.frames(mask, boxes))


def chequered(height, width):
    """Each pixel is 16 x row + column: what is cut out says where it was."""
    return (16.0 * torch.arange(height)[:, None] + torch.arange(width)).expand(1, 3, -1, -1)


def test_it_cuts_out_what_is_in_the_box(look):
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)  # 192 x 192, squares of 12 pixels
    box = [(4 + 1) / 16, (8 + 1) / 16, 2 / 16, 2 / 16]  # columns 4 and 5, rows 8 and 9
    cut = cut_out(look, picture, torch.ones(1, 192, 192).bool(), torch.tensor([[box]]))[0, 0, 0]
    assert cut.shape == (24, 24)
    assert [cut[6, 6], cut[6, 18], cut[18, 6], cut[18, 18]] == [132, 133, 148, 149]


def test_a_long_box_is_not_squeezed(look):
    picture = chequered(16, 16).repeat_interleave(12, 2).repeat_interleave(12, 3)
    cut = cut_out(look, picture, torch.ones(1, 192, 192).bool(), torch.tensor([[[0.5, 0.5, 0.5, 0.125]]]))[0, 0, 0]
    rows, columns = cut // 16, cut % 16
    assert rows[0, 12] == 4 and rows[-1, 12] == 11 and columns[12, 0] == 4 and columns[12, -1] == 11


def test_padding_moves_nothing(look):
    picture, boxes = torch.rand(1, 3, 40, 60), torch.tensor([[[0.7, 0.4, 0.3, 0.2], [0.95, 0.95, 0.3, 0.3]]])
    alone = cut_out(look, picture, torch.ones(1, 40, 60).bool(), boxes)
    padded, mask = torch.zeros(1, 3, 64, 96), torch.zeros(1, 64, 96).bool()
    padded[..., :40, :60], mask[:, :40, :60] = picture, True
    assert torch.allclose(cut_out(look, padded, mask, boxes), alone, atol=1e-5)


def test_it_starts_as_nothing_and_learns(look):
    tokens = tokens_at([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.0, 0.0]])
    picture, mask = torch.rand(1, 3, 32, 32), torch.ones(1, 32, 32).bool()
    seen = look.eval()(picture, mask, tokens)
    assert torch.equal(seen.embeddings, tokens.embeddings)
    assert torch.equal(seen.boxes, tokens.boxes) and torch.equal(seen.rings, tokens.rings)
    for last in (look.out, look.place[-1]):
        torch.nn.init.normal_(last.weight, std=0.1)
    seen = look.train()(picture, mask, tokens)
    (seen.embeddings.square().sum() + seen.boxes.sum() + seen.rings.sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in look.parameters())


def test_in_training_some_tokens_lack_their_first_look():
    look = SecondLook(channels=16, size=24, drop=0.5).train()
    tokens = tokens_at([[0.5, 0.5, 0.2, 0.2]] * 200)
    seen = look(torch.rand(1, 3, 32, 32), torch.ones(1, 32, 32).bool(), tokens).embeddings
    lacking = (seen == 0).all(-1)
    assert 60 < lacking.sum() < 140 and torch.equal(seen[~lacking], tokens.embeddings[~lacking])


def test_a_box_is_put_right_in_units_of_its_sides_and_its_outline_goes_with_it(look):
    tokens = tokens_at([[0.5, 0.5, 0.4, 0.2], [0.5, 0.5, 0.2, 0.1]])
    change = torch.tensor([0.1, 0.0, math.log(2), 0.0]).expand(1, 2, 4)
    boxes, rings = look._put_right(tokens, change)
    assert torch.allclose(boxes[0], torch.tensor([[0.54, 0.5, 0.8, 0.2], [0.52, 0.5, 0.4, 0.1]]))
    assert torch.allclose(rings, ellipses(boxes, 8), atol=1e-6)
