import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language import InstructionError, OutputFormat, keypoint_format, parse_format
from visionllm.language.output_format import TEXT, text_format

NAMES = st.lists(st.text(st.characters(codec='ascii', categories=['L', 'N'], include_characters=' ,.-'), min_size=1)
                 .map(str.strip).filter(bool), min_size=1, max_size=64, unique=True)


@given(st.one_of(st.just(2), st.integers(4, 64)))
def test_a_written_tuple_is_read_back(points):
    assert parse_format(f'Find {{"a": <c0>}} as {OutputFormat(points)}. <image>') == OutputFormat(points)


@given(st.integers(4, 64))
def test_the_tuple_may_be_spelled_out(points):
    fields = ', '.join(f'x{i}, y{i}' for i in range(1, points + 1))
    assert parse_format(f'(c, {fields})') == OutputFormat(points)


@given(NAMES)
def test_points_may_be_asked_for_by_their_names(names):
    asked = parse_format(f'Mark {{"a": <c0>, "b": <c1>}} as {keypoint_format(names)}. <image>')
    assert asked.point_names == tuple(names) and asked.has_point_names
    assert not (asked.is_text or asked.is_box or asked.is_polygon)
    assert asked.coordinate_tokens == ['<x1>', '<y1>'] * len(names)


@given(st.integers(0, 100))
def test_words_may_be_asked_to_be_sure(percent):
    asked = parse_format(f'Describe <image> as {text_format(percent)}.')
    assert asked.is_text and asked.certainty == percent and asked != TEXT


def test_words_are_as_sure_as_usual_if_nothing_is_said():
    assert parse_format('Describe <image> as (text).') == TEXT


def test_seventeen_points_without_names_are_an_outline():
    assert parse_format('(c, x1, y1, ..., x17, y17)').is_polygon


def test_query_tokens_follow_the_tuple():
    assert OutputFormat(2).coordinate_tokens == ['<x1>', '<y1>', '<x2>', '<y2>']
    assert OutputFormat(24).coordinate_tokens[-1] == '<y24>'


@pytest.mark.parametrize('text, reason', [
    ('Find the dogs.', 'names no output tuple'),
    ('(c, x1, y1, x1, y2)', 'x1 is repeated'),
    ('(c, x2, y2, x3, y3)', 'x1 is missing'),
    ('(c, x1, y1, x2)', 'is missing|out of order or unpaired'),
    ('(c, y1, x1, x2, y2)', 'out of order'),
    ('(c, x1, y1, x2, y2, x3, y3)', 'asks for 3 points'),
    ('(c, x1, y1, ..., x5000, y5000)', 'asks for 5000 points'),
    ('(c, x1, y1, ...)', 'must end with the last point'),
    ('(c, x1, y1, x2, y2) and (c, x1, y1, ..., x8, y8)', 'names 2 different output tuples'),
    ('(text, 101% sure)', '0% to 100%'),
    ('(text, very sure)', 'names no output tuple'),
    ('(text) or (text, 90% sure)', 'names 2 different output tuples'),
    ('(c, "nose", x1, y1)', 'something beside the quoted names'),
    ('(c, "nose" "left eye")', 'something beside the quoted names'),
    ('(c, "nose", )', 'something beside the quoted names'),
    ('(c, "nose", "left eye", "nose")', 'the point nose twice'),
    ('(c, "nose", " ")', 'is blank'),
    ('(c, ' + ', '.join(f'"p{i}"' for i in range(65)) + ')', 'names 65 points'),
])
def test_a_tuple_that_cannot_be_answered_is_refused(text, reason):
    with pytest.raises(InstructionError, match=reason):
        parse_format(text)
