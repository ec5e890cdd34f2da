"""Spellings of one name are read as one, and other names stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language import TASKS, InstructionError, parse_instruction
from visionllm.language.instructions import fault_in_class_name
from visionllm.language.names import known_nouns, normalized_name
from visionllm.language.tasks import Task
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.models.detectors.label_sets import COCO


@pytest.mark.parametrize('name, read', [
    ('Star', 'star'), ('STAR', 'star'), ('star.', 'star'), ('stars', 'star'), ('a star', 'star'), ('An Apple', 'apple'),
    ('hot dogs', 'hot dog'), ('people', 'person'), ('knives', 'knife'), ('cherries', 'cherry'), ('boxes', 'box'),
    ('wine glasses', 'wine glass'), ('benches', 'bench'), ('red  stars', 'red star'),
    ('traffic lights', 'traffic light'), ('opera glasses', 'opera glasses'),
    ('glasses', 'glasses'), ('bus', 'bus'), ('skis', 'skis'), ('scissors', 'scissors'), ('jeans', 'jeans'),
    ('the dog', 'the dog'), ('zorbs', 'zorbs'), ('a', 'a'), ('...', '...'), ('собаки', 'собаки'), ('狗', '狗')])
def test_spellings(name, read):
    assert normalized_name(name) == read and normalized_name(read) == read


def test_names_of_data_sets_and_word_lists_stay_as_they_are():
    assert [name for name in COCO if normalized_name(name) != name] == []
    assert [noun for noun in known_nouns() if normalized_name(noun) != noun.lower()] == []


def test_the_model_reads_the_normalized_name_and_the_user_gets_their_own():
    text = TASKS['detection'].write_instruction(['STARS.', 'Wine glass'], tokens=[3, 5])
    instruction = parse_instruction(text)
    assert instruction.class_names == ('STARS.', 'Wine glass') and instruction.read_names == ('star', 'wine glass')
    assert '{"star": <c3>, "wine glass": <c5>}' in instruction.text


NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(
    ['cat', '(text)', '(c, x1)', 'a "b"', '<image>', '{x}', '<c3>', '[SEP]', ' dog', '"', 'a: <c1>', '\n',
     '(c, "nose")'])


@given(st.lists(NAMES, min_size=1, max_size=4), st.data())
def test_random_instructions_are_parsed_as_they_were_written_or_are_one_error(names, data):
    task = data.draw(st.sampled_from([task for task in TASKS.values() if not task.output_format.is_text]))
    wording = data.draw(st.integers(0, len(task.wordings + task.held_out) - 1))
    points = data.draw(st.none() | st.integers(0, 70)) if task is TASKS['segmentation'] else None
    tokens = data.draw(st.permutations(range(NUM_CLASS_TOKENS)).map(lambda order: order[:len(names)]))
    check_round_trip(task, names, wording, points, tokens)


def check_round_trip(task: Task, names: list[str], wording: int, points: int | None, tokens: list[int]) -> None:
    try:
        instruction = parse_instruction(task.write_instruction(names, wording, points, tokens))
    except InstructionError:
        assert any(map(fault_in_class_name, names)) or len(set(names)) < len(names) or not 4 <= (points or 4) <= 64
        return
    assert instruction.class_names == tuple(names) and instruction.class_tokens == tuple(tokens)
    assert instruction.output_format.num_points == (points or task.output_format.num_points)
