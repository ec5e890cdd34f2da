import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language import (
    TASKS,
    InstructionError,
    OutputFormat,
    draw_class_set,
    parse_instruction,
    write_instruction,
)

BOX = OutputFormat(2)
NAMES = st.lists(st.text(st.characters(codec='ascii', categories=['L', 'N'], include_characters=' -'), min_size=1)
                 .map(str.strip).filter(bool), min_size=1, max_size=20, unique=True)


@given(NAMES, st.sampled_from(TASKS['detection'].wordings + TASKS['detection'].held_out), st.randoms())
def test_a_written_instruction_is_read_back(names, wording, random):
    tokens = random.sample(range(512), len(names))
    read = parse_instruction(write_instruction(names, wording, BOX, tokens))
    assert (read.class_names, read.class_tokens, read.output_format) == (tuple(names), tuple(tokens), BOX)


@pytest.mark.parametrize('names, reason', [
    ([], 'class set is empty'),
    ([f'n{i}' for i in range(513)], 'has 513 names'),
    (['dog', 'cat', 'dog'], 'names dog twice'),
    (['  '], 'blank'),
    (['a "b"'], 'double quote'),
])
def test_a_class_set_that_cannot_be_used_is_refused(names, reason):
    with pytest.raises(InstructionError, match=reason):
        write_instruction(names, TASKS['detection'].wordings[0], BOX)


@pytest.mark.parametrize('text, reason', [
    ('Find {"a": <c0>} (c, x1, y1, x2, y2)', 'exactly once'),
    ('<image> <image> {"a": <c0>} (c, x1, y1, x2, y2)', 'exactly once'),
    ('<image> Find {"a": <c0>}', 'names no output tuple'),
    ('<image> Find it (c, x1, y1, x2, y2)', 'class set is empty'),
    ('<image> {"a": <c0>, "a": <c1>} (c, x1, y1, x2, y2)', 'twice'),
    ('<image> {"a": <c0>, "b": <c0>} (c, x1, y1, x2, y2)', 'must be different'),
    ('<image> {"a": <c512>} (c, x1, y1, x2, y2)', '<c511>'),
])
def test_an_instruction_that_cannot_be_carried_out_is_refused(text, reason):
    with pytest.raises(InstructionError, match=reason):
        parse_instruction(text)


@given(st.integers(0, 10**6), st.integers(1, 100), st.integers(1, 90))
def test_a_drawn_class_set_is_usable(seed, classes, limit):
    all_names = [f'n{i}' for i in range(classes)]
    names, tokens = draw_class_set(np.random.default_rng(seed), all_names, all_names[:3], limit)
    assert 1 <= len(names) <= limit and len(set(names)) == len(names) and set(names) <= set(all_names)
    assert len(set(tokens)) == len(tokens) == len(names)


def test_every_class_is_left_out_sometimes():
    rng = np.random.default_rng(0)
    counts = dict.fromkeys('abcdef', 0)
    for _ in range(200):
        for name in draw_class_set(rng, list(counts), ['a', 'b'], 80)[0]:
            counts[name] += 1
    assert all(100 < count < 200 for count in counts.values())


def test_wordings_held_out_are_not_trained_on():
    for task in TASKS.values():
        assert not set(task.wordings) & set(task.held_out)
        assert len(task.held_out) >= (len(task.wordings) + len(task.held_out)) // 5
