"""Detections that are put in the places of objects whose images are not there."""

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps

from visionllm.datasets.expression_layouts import ExpressionLayout
from visionllm.engine.pretraining.detection_bank import DetectionBank
from visionllm.structures import ImageTokens

NAMES = ('cat', 'dog', 'car')


def image_tokens(boxes, labels, logit=2.0):
    """One image; the detector is sure of each label."""
    logits = torch.full((1, len(labels), len(NAMES)), -6.0)
    logits[0, torch.arange(len(labels)), torch.tensor(labels)] = logit
    boxes = torch.tensor([boxes])
    return ImageTokens(torch.zeros(1, len(labels), 0), boxes, logits.logsumexp(-1), class_logits=logits,
                       class_names=NAMES)


def layout(*objects):
    """Of (box, class)."""
    boxes, names = zip(*objects)
    return ExpressionLayout(torch.tensor(boxes), names, tuple((name, ) for name in names))


@pytest.fixture
def bank():
    found = DetectionBank(NAMES)
    dog, wide, car = [.5, .5, .2, .2], [.52, .5, .24, .2], [.8, .8, .1, .1]
    found.add(image_tokens([dog, wide, car], [1, 1, 2]), [torch.tensor([dog])])
    found.add(image_tokens([[.2, .2, .1, .1], [0.0] * 4], [0, 0]), [torch.tensor([[.2, .2, .1, .1]])])  # and padding
    return found


def test_detections_lie_about_the_new_object_as_they_lay_about_their_own(bank):
    tokens = bank.paste([layout(([.3, .6, .1, .4], 'dog'))], 100, np.random.default_rng(0))
    dogs = tokens.class_logits[0].argmax(-1) == 1
    assert torch.allclose(tokens.boxes[0, dogs], torch.tensor([[.3, .6, .1, .4], [.31, .6, .12, .4]]), atol=1e-6)


@pytest.mark.parametrize('seed', range(8))
def test_beside_them_is_nothing_of_the_same_classes(bank, seed):
    objects = [([.3, .6, .1, .4], 'dog'), ([.7, .2, .2, .2], 'dog')]
    tokens = bank.paste([layout(*objects)], 100, np.random.default_rng(seed))
    labels = [NAMES[label] for label in tokens.class_logits[0].argmax(-1).tolist()]
    assert labels.count('dog') == 4 and set(labels) <= {'dog', 'cat', 'car'}
    overlaps = bbox_overlaps(*(bbox_cxcywh_to_xyxy(each) for each in (tokens.boxes[0], torch.tensor([
        box for box, _ in objects]))))
    assert all((row >= 0.5).any() for name, row in zip(labels, overlaps) if name == 'dog')


def test_layouts_of_a_batch_are_padded(bank):
    tokens = bank.paste([layout(([.3, .6, .1, .4], 'cat')), layout(([.3, .6, .1, .4], 'dog'))], 2,
                           np.random.default_rng(0))
    assert tokens.boxes.shape == (2, 2, 4) and tokens.class_names == NAMES
    for mask, boxes, logits in zip(tokens.mask, tokens.boxes, tokens.class_logits):
        assert (logits[~mask] < -10).all() and not boxes[~mask].any() and mask.any()


def test_classes_that_were_not_seen_are_told(bank):
    assert bank.holds(layout(([.1, .1, .1, .1], 'dog'), ([.1, .1, .1, .1], 'cat')))
    assert not bank.holds(layout(([.1, .1, .1, .1], 'dog'), ([.1, .1, .1, .1], 'car')))  # seen, but not annotated


def test_objects_that_are_not_found_or_hardly_are_not_kept():
    bank = DetectionBank(NAMES)
    bank.add(image_tokens([[.5, .5, .2, .2]], [1]), [torch.tensor([[.1, .1, .1, .1]])])
    bank.add(image_tokens([[.5, .5, .2, .2]], [1], logit=-5.0), [torch.tensor([[.5, .5, .2, .2]])])
    bank.add(image_tokens([[.5, .5, .2, .2]], [1]), [torch.zeros(0, 4)])
    assert not any(bank.objects.values())


def test_the_oldest_are_forgotten():
    bank = DetectionBank(NAMES, size=2)
    for _ in range(5):
        bank.add(image_tokens([[.5, .5, .2, .2]], [1]), [torch.tensor([[.5, .5, .2, .2]])])
    assert len(bank.objects['dog']) == len(bank.images) == 2
