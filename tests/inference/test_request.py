"""Exactly one thing is asked, and it becomes an instruction."""

import pytest

from visionllm.inference.request import Request, RequestError
from visionllm.language import InstructionError
from visionllm.language.instructions import class_names_of, format_of
from visionllm.thresholds import EXPRESSION_THRESHOLD, SCORE_THRESHOLD


@pytest.mark.parametrize('request_, names, form', [
    (Request(classes=['dog', 'red car']), ['dog', 'red car'], '(c, x1, y1, x2, y2)'),
    (Request(classes='dog'), ['dog'], '(c, x1, y1, x2, y2)'),
    (Request(classes=['dog'], points=24), ['dog'], '(c, x1, y1, ..., x24, y24)'),
    (Request(classes=['dog'], parts=['nose', 'tail']), ['dog'], '(c, "nose", "tail")'),
    (Request(expression='the left dog'), ['the left dog'], '(c, x1, y1, x2, y2)'),
    (Request(question='how many dogs are there?'), [], '(text)'),
    (Request(instruction='Find {"a": <c0>} as (c, x1, y1, x2, y2) in <image>'), ['a'], '(c, x1, y1, x2, y2)'),
    (Request(classes=[f'thing {i}' for i in range(600)]), [f'thing {i}' for i in range(600)], '(c, x1, y1, x2, y2)'),
])
def test_each_form_is_an_instruction(request_, names, form):
    instruction = request_.write()
    assert class_names_of(instruction) == names and str(format_of(instruction)) == form


def test_a_caption_asks_for_text():
    assert format_of(Request(caption=True).write()).is_text


@pytest.mark.parametrize('arguments, message', [
    ({}, 'nothing was asked: give one of classes, expression'),
    (dict(classes=['a'], question='why?'), 'classes and question were given together'),
    (dict(caption=True, instruction='x'), 'caption and instruction were given together'),
    (dict(question='why?', points=8), 'points asks for polygons'),
    (dict(classes=['a'], points=8, parts=['b']), 'give one of them'),
    (dict(question=' '), 'The question is blank'), (dict(expression=''), 'The expression is blank'),
])
def test_what_is_no_request(arguments, message):
    with pytest.raises(RequestError, match=message):
        Request(**arguments)


def test_names_that_cannot_be_read():
    with pytest.raises(InstructionError):
        Request(classes=['"quoted"']).write()
    with pytest.raises(InstructionError):
        Request(classes=[]).write()


@pytest.mark.parametrize('points', [-3, 0, 1, 2, 3, 65])
def test_polygons_that_are_none(points):
    with pytest.raises(InstructionError, match=f'points is {points}: a polygon has 4 to 64; without points, boxes'):
        Request(classes=['a'], points=points).write()


def test_thresholds():
    assert Request(classes=['a']).threshold(None) == SCORE_THRESHOLD
    assert Request(expression='a').threshold(None) == EXPRESSION_THRESHOLD
    assert Request(expression='a').threshold(0.0) == 0.0


@pytest.mark.parametrize('threshold', ['0.4', True, 30, -0.1, float('nan'), {'a': 1.5}])
def test_thresholds_that_are_none(threshold):
    with pytest.raises(RequestError, match='a number from 0 to 1'):
        Request(classes=['a']).threshold(threshold)
