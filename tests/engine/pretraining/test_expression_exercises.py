import numpy as np
import pytest

from visionllm.datasets.coco_expressions import RELATION_WORDINGS, WORDINGS
from visionllm.engine.pretraining.class_map_reading import ClassMapReading
from visionllm.engine.pretraining.expression_exercises import fits, sample_expression_exercise
from visionllm.errors import ConfigError
from visionllm.language.word_lists import TEST_NOUNS

EXERCISES = [sample_expression_exercise(np.random.default_rng(seed), 24) for seed in range(150)]


@pytest.mark.parametrize('query, name, answer', [
    ('dog', 'dog', True), ('sofa', 'dog', False), ('bike', 'bicycle', True), ('bicycle', 'bike', True),
    ('dog', 'animal', True), ('animal', 'dog', True), ('person', 'woman', True), ('woman', 'man', None),
    ('cow', 'dog', False)])
def test_what_an_expression_may_speak_of(query, name, answer):
    assert fits(query, name) is answer


def test_the_first_word_looked_up_is_what_the_expression_speaks_of():
    for exercise in EXERCISES:
        expression, = exercise.instruction.class_names
        assert exercise.queries[0] in expression
        assert exercise.answers[0].tolist() == [1, 0] and len(exercise.queries) == 24
        assert (exercise.answers.sum(1) == 1).all()


def test_what_an_expression_names_beside_it_is_not_meant():
    both = [(exercise.instruction.class_names[0], exercise.queries[0], query)
            for exercise in EXERCISES for query, answer in zip(exercise.queries, exercise.answers)
            if answer[1] and f' {query}' in exercise.instruction.class_names[0]]
    assert len({expression for expression, *_ in both}) > 30
    assert all(expression.index(name) < expression.rindex(anchor) for expression, name, anchor in both
               if name in expression)


def test_nothing_of_the_tests_is_taught():
    held_out = [text.split('{')[0] for _, texts in (*WORDINGS.values(), *RELATION_WORDINGS.values()) for text in texts]
    held_out = [text for text in held_out if len(text.split()) > 2]  # whole beginnings
    for exercise in EXERCISES:
        assert not set(exercise.queries) & set(TEST_NOUNS)
        assert not any(exercise.instruction.class_names[0].startswith(text) for text in held_out)


@pytest.mark.parametrize('shares', [dict(names=0.5), dict(names=0.5, phrases=0.5)])
def test_shares_of_exercises_are_checked(shares):
    with pytest.raises(ConfigError, match='must be shares that add up to 1 of names, all_names'):
        ClassMapReading('reading', exercises=shares)
