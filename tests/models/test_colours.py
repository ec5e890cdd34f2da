"""The colour of what is in a box, and names that say one."""

import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visionllm import VisionLLM
from visionllm.assets import IMAGES
from visionllm.language.colour_terms import COLOURS, PARTS, colour_terms
from visionllm.models.connectors.box_colours import box_colours, name_colours, rgb_to_hsv
from visionllm.models.heads.colour_match import add_colour_logits, colour_log_odds, pool_same_nouns
from visionllm.structures import ImageTokens, LazyFeatures

RGB = dict(red=(200, 30, 30), orange=(255, 140, 0), yellow=(240, 230, 40), green=(40, 140, 50), blue=(30, 60, 200),
           purple=(120, 40, 160), pink=(250, 150, 190), brown=(110, 70, 40), black=(20, 20, 25), white=(240, 240, 235),
           gray=(130, 130, 130))


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_hue_saturation_and_value_are_pythons(rgb):
    pixel = [channel / 255 for channel in rgb]
    found = [each.item() for each in rgb_to_hsv(torch.tensor(pixel))]
    hue, *others = colorsys.rgb_to_hsv(*pixel)
    assert found[1:] == pytest.approx(others, abs=1e-5)
    assert min(abs(found[0] - hue), 1 - abs(found[0] - hue)) < 1e-5  # red is 0 as well as 1


@pytest.mark.parametrize('name', RGB)
def test_plain_colours_have_their_names(name):
    assert COLOURS[name_colours(torch.tensor(RGB[name]) / 255)] == name


def dressed(upper: str, lower: str) -> tuple[torch.Tensor, torch.Tensor]:
    """An image with a box whose halves have colours, on gray; and the box."""
    image = torch.full((1, 3, 80, 100), 0.5)
    image[0, :, 20:40, 30:50] = torch.tensor(RGB[upper])[:, None, None] / 255
    image[0, :, 40:60, 30:50] = torch.tensor(RGB[lower])[:, None, None] / 255
    return image, torch.tensor([[[0.4, 0.5, 0.2, 0.5], [0.8, 0.5, 0.1, 0.5]]])


def tokens_on(images, boxes) -> ImageTokens:
    mask = torch.ones(len(images), *images.shape[-2:], dtype=torch.bool)
    lazy = LazyFeatures(boxes, torch.arange(len(images)), images, mask, box_colours)
    return ImageTokens(torch.zeros(*boxes.shape[:2], 0), boxes, torch.zeros(boxes.shape[:2]), colours=lazy)


@given(st.sampled_from(COLOURS), st.sampled_from(COLOURS))
def test_parts_have_their_colours(upper, lower):
    shares = tokens_on(*dressed(upper, lower)).colours.compute()
    assert shares.shape == (1, 2, len(PARTS), len(COLOURS)) and torch.allclose(shares.sum(-1), torch.ones(()))
    assert shares[0, 0, 1, COLOURS.index(upper)] > 0.9 and shares[0, 0, 2, COLOURS.index(lower)] > 0.9
    assert shares[0, 1, 0, COLOURS.index('gray')] > 0.9


def test_a_colour_decides_between_two_of_a_kind():
    tokens, names = tokens_on(*dressed('red', 'blue')), [['person in red', 'person in green', 'person', 'gray car']]
    logits = add_colour_logits(torch.zeros(1, 2, 5), names, tokens)
    assert logits[0, 0].tolist() == pytest.approx([0, logits[0, 1, 1].item(), 0, logits[0, 0, 3].item(), 0], abs=0.01)
    assert logits[0, 0, 1] < -5 and logits[0, 0, 3] < -5 and logits[0, 1, 0] < -5  # the other thing is gray
    assert logits[0, 1, 3].item() == pytest.approx(0, abs=0.01)


@given(st.floats(0, 1), st.floats(0, 1))
def test_not_red_is_the_opposite_of_red(first, second):
    shares = torch.zeros(2, len(PARTS), len(COLOURS))
    shares[:, 0, COLOURS.index('red')] = torch.tensor([first, second])
    red, other = (colour_log_odds(shares, colour_terms(text)) for text in ('red car', 'the car that is not red'))
    assert (red <= 0).all() and (other <= 0).all()
    more = first - second
    assert more * (red[0] - red[1]) >= 0 >= more * (other[0] - other[1])


def test_names_that_differ_in_colours_do_not_compete():
    probabilities = torch.tensor([[[0.3, 0.4, 0.1, 0.2], [0.0, 0.1, 0.8, 0.1]]])
    pooled = pool_same_nouns(probabilities.log(), [['red cup', 'cup', 'couch']]).exp()
    assert torch.allclose(pooled, torch.tensor([[[0.7, 0.7, 0.1, 0.2], [0.1, 0.1, 0.8, 0.1]]]), atol=1e-6)
    same = pool_same_nouns(probabilities.log(), [['mug', 'cup', 'couch']])
    assert torch.equal(same, probabilities.log())


def test_a_colour_in_a_name_changes_the_answer():
    model = VisionLLM('photo')
    image = np.array(Image.open(IMAGES / 'cat.jpg'))
    scores = {name: max([0, *model.predict(image, classes=[name], threshold=0.01)[0].scores])
              for name in ('brown cat', 'black cat', 'green cat')}
    assert scores['brown cat'] > 0.5 > 0.1 > max(scores['black cat'], scores['green cat'])
    green = np.ascontiguousarray(image[..., [1, 0, 2]])  # the same cat, its red and green exchanged
    found = model.predict(green, classes=['green cat', 'brown cat'], threshold=0.01)[0]
    best = dict(sorted(zip(found.names, found.scores), key=lambda each: each[1]))
    assert best.get('green cat', 0) > best.get('brown cat', 0)
