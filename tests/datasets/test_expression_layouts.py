"""Expressions whose images are not there."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from visionllm.annotations.files import AnnotationError
from visionllm.datasets.expression_layouts import most_frequent, normalized, read_layouts

NAMES = ('person', 'dog', 'hot dog', 'cow')


def write(path, *records):
    """JSON lines as RefCOCO's are published: (image, box, expression)."""
    path.write_text('\n'.join(json.dumps(dict(
        img_path='a.jpg', image_id=image, bbox=box, expression=text, width=100, height=200, sent_id=number))
        for number, (image, box, text) in enumerate(records)))
    return str(path)


LEFT, RIGHT = [0, 0, 50, 100], [50, 100, 100, 200]


def test_the_expressions_of_an_object_stand_together_whatever_file_they_are_in(tmp_path):
    write(tmp_path / 'a.jsonl', (1, LEFT, 'left guy'), (1, RIGHT, 'the brown cow'), (1, LEFT, 'the boy'))
    write(tmp_path / 'b.jsonl', (2, LEFT, 'hot dogs'), (1, [0.001, 0, 50, 100], 'man in red'))
    first, second = read_layouts(str(tmp_path / '*.jsonl'), NAMES)
    assert first.names == ('person', 'cow') and second.names == ('hot dog', )
    assert first.expressions == (('left guy', 'the boy', 'man in red'), ('the brown cow', ))
    assert torch.allclose(first.boxes, torch.tensor([[.25, .25, .5, .5], [.75, .75, .5, .5]]))


def test_an_object_of_no_known_class_is_like_the_others_around_it(tmp_path):
    path = write(tmp_path / 'a.jsonl', (1, LEFT, 'the one on the left'), (1, RIGHT, 'right cow'), (2, LEFT, 'the tree'))
    layout, = read_layouts(path, NAMES)  # of image 2 nothing is known
    assert layout.names == ('cow', 'cow')


def test_expressions_that_mean_nothing_are_left_out(tmp_path):
    path = write(tmp_path / 'a.jsonl', (1, None, 'the unicorn'), (1, LEFT, 'dog'))
    layout, = read_layouts(path, NAMES)
    assert layout.expressions == (('dog', ), )


@pytest.mark.parametrize(('records', 'message'), [
    ([], 'does not exist'), ([(1, LEFT, 'the tree')], 'speaks of a class of the detector'),
    ([(1, 'x', 'dog')], 'a.jsonl')])
def test_what_cannot_be_used_is_told(tmp_path, records, message):
    if records:
        write(tmp_path / 'a.jsonl', *records)
    with pytest.raises(AnnotationError, match=message):
        read_layouts(str(tmp_path / 'a.jsonl'), NAMES)


def test_published_expressions(data):
    layouts = read_layouts(str(data / 'refcoco' / 'REC_*.jsonl'), NAMES)
    assert len(layouts) > 1000
    assert sum(len(texts) for layout in layouts for texts in layout.expressions) > 10000


@given(st.lists(st.sampled_from(['dog', 'cow', None]), max_size=8))
def test_the_most_frequent_name(names):
    found = most_frequent(names)
    known = [name for name in names if name]
    assert found is None and not known or known.count(found) == max(map(known.count, known))


@given(st.tuples(*[st.floats(0, 1000)] * 4), st.integers(1, 2000), st.integers(1, 2000))
def test_boxes_are_normalized(box, width, height):
    x, y, w, h = normalized(box, width, height)
    assert [x * width, y * height] == pytest.approx([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], abs=0.2)
    assert [w * width, h * height] == pytest.approx([box[2] - box[0], box[3] - box[1]], abs=0.4)
