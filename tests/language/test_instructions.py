import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language import (
    TASKS,
    InstructionError,
    OutputFormat,
    instruction_sentences,
    parse_instruction,
    render_instruction,
    sample_class_set,
)

BOX = OutputFormat(2)
NAMES = st.lists(st.text(st.characters(codec='ascii', categories=['L', 'N'], include_characters=' -'), min_size=1)
                 .map(str.strip).filter(bool), min_size=1, max_size=20, unique=True)


@given(NAMES, st.sampled_from(TASKS['detection'].wordings + TASKS['detection'].held_out), st.randoms())
def test_a_written_instruction_is_read_back(names, wording, random):
    tokens = random.sample(range(512), len(names))
    read = parse_instruction(render_instruction(names, wording, BOX, tokens))
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
        render_instruction(names, TASKS['detection'].wordings[0], BOX)


@given(st.integers(1, 1300), st.integers(1, 512))
def test_any_number_of_names_is_asked_for_in_groups(count, most):
    names = [f'n{i}' for i in range(count)]
    orders = instruction_sentences(TASKS['detection'].write_instructions(names, max_names=most))
    groups = [parse_instruction(order).class_names for order in orders]
    assert [name for group in groups for name in group] == names and len(groups) == -(-count // most)
    assert max(map(len, groups)) <= most and max(map(len, groups)) - min(map(len, groups)) <= 1


def test_few_names_are_one_sentence_and_each_is_named_once():
    names = [f'n{i}' for i in range(80)]
    assert TASKS['segmentation'].write_instructions(names, 3, 8) == TASKS['segmentation'].write_instruction(names, 3, 8)
    with pytest.raises(InstructionError, match='names n0 twice'):
        TASKS['detection'].write_instructions(names + ['n0'])


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
    names, tokens = sample_class_set(np.random.default_rng(seed), all_names, all_names[:3], limit)
    assert 1 <= len(names) <= limit and len(set(names)) == len(names) and set(names) <= set(all_names)
    assert len(set(tokens)) == len(tokens) == len(names)


def test_names_that_were_looked_for_come_before_other_absent_ones():
    rng, names = np.random.default_rng(0), [f'n{i}' for i in range(1203)]
    draws = [set(sample_class_set(rng, names, names[:3], 80, names[5:15])[0]) for _ in range(100)]
    assert sum(len(draw) == 80 for draw in draws) > 80
    assert sum(draw >= set(names[5:15]) for draw in draws) > 80
    assert len(set.union(*draws)) > 1000


def test_every_class_is_left_out_sometimes():
    rng = np.random.default_rng(0)
    counts = dict.fromkeys('abcdef', 0)
    for _ in range(200):
        for name in sample_class_set(rng, list(counts), ['a', 'b'], 80)[0]:
            counts[name] += 1
    assert all(100 < count < 200 for count in counts.values())


def test_wordings_held_out_are_not_trained_on():
    for task in TASKS.values():
        assert not set(task.wordings) & set(task.held_out)
        assert len(task.held_out) >= (len(task.wordings) + len(task.held_out)) // 5
