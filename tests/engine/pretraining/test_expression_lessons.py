"""Expressions that are written anew in random layouts of an image."""

from types import SimpleNamespace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps

from visionllm.engine.pretraining import expression_lessons
from visionllm.engine.pretraining.expression_lessons import draw_lesson, write_lesson
from visionllm.engine.pretraining.random_layout import RandomLayout
from visionllm.structures import Target

NAMES = ('cat', 'dog')
SEEDS = st.integers(0, 2**32 - 1)


def target(boxes, labels, **fields) -> Target:
    boxes = torch.tensor(boxes)
    return Target(boxes, torch.tensor(labels), boxes[:, None, :2], boxes[:, None, :2], NAMES, **fields)


def boxes_within(seed: int, count: int = 5) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.random((count, 2, 2)), 1)
    return torch.tensor(np.concatenate([corners.mean(1), corners[:, 1] - corners[:, 0]], 1)).float()


@given(SEEDS)
def test_a_layout_keeps_overlaps_and_stays_within_the_image(seed):
    boxes, layout = boxes_within(seed), RandomLayout.draw(np.random.default_rng(seed))
    before, after = (bbox_cxcywh_to_xyxy(each) for each in (boxes, layout(boxes)))
    assert torch.allclose(bbox_overlaps(before, before), bbox_overlaps(after, after), atol=1e-4)
    assert after.min() >= -1e-5 and after.max() <= 1 + 1e-5
    for axis, mirrored in enumerate(layout.mirrored):
        order = (boxes if not mirrored else 1 - boxes)[:, axis].argsort()
        assert torch.equal(layout(boxes)[:, axis].argsort(), order)


@given(SEEDS)
def test_an_expression_means_the_one_that_is_there_in_the_layout(seed):
    dogs = target([[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]], [1, 1])  # nothing but the side tells them apart
    layout = RandomLayout.draw(np.random.default_rng(seed))
    lesson = write_lesson(dogs, layout, np.random.default_rng(seed))
    boxes = layout(dogs.boxes)
    side = 'left' if 'left' in lesson.expression else 'right'
    expected = boxes[:, 0].argmin() if side == 'left' else boxes[:, 0].argmax()
    assert side in lesson.expression and 'dog' in lesson.expression
    assert torch.equal(lesson.boxes, boxes[expected][None])


@given(SEEDS)
def test_where_nothing_tells_them_apart_a_class_means_all(seed):
    rng = np.random.default_rng(seed)
    same = target([[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]], [0, 0])
    crowd = target([[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]], [0, 0], ignored_boxes=torch.rand(1, 4))
    for each in (same, crowd):
        lesson = write_lesson(each, RandomLayout.draw(rng), rng)
        assert lesson.expression == 'the cat' and len(lesson.boxes) == 2
    nothing = write_lesson(target(np.zeros((0, 4), np.float32), np.zeros(0, int)), RandomLayout.draw(rng), rng)
    assert nothing.expression in ('the cat', 'the dog') and nothing.boxes.shape == (0, 4)


def test_the_expression_of_a_sample_is_taken_as_it_is(monkeypatch):
    own = target([[0.2, 0.5, 0.2, 0.2]], [0], names_are_classes=False)
    monkeypatch.setattr(expression_lessons, 'build_target', lambda sample: own)
    monkeypatch.setattr(expression_lessons, 'referring_text', lambda sample: sample.text)
    lesson = draw_lesson(SimpleNamespace(text='my cat'), np.random.default_rng(0))
    assert lesson.expression == 'my cat' and lesson.boxes is own.boxes
    assert torch.equal(lesson.layout(own.boxes), own.boxes)
