"""Exercises in class maps of a few names."""

from itertools import chain

import numpy as np
import pytest

from visionllm.engine.pretraining.few_names_exercises import WIDER, answer_of_names, sample_few_names_exercise
from visionllm.language.hyponyms import HYPONYMS, hypernyms_of, hyponyms_of
from visionllm.language.synonyms import NARROWER_NAMES, TEST_SYNONYMS
from visionllm.language.word_lists import TEST_NOUNS
from visionllm.models.detectors.label_sets import COCO

FOR_TESTS = {*TEST_NOUNS, *NARROWER_NAMES.values(), *chain(*TEST_SYNONYMS)}


@pytest.mark.parametrize(('query', 'classes', 'expected'), [
    ('cat', ['cat'], [1, 0]), ('dog', ['cat'], [0, 1]), ('hot dog', ['dog'], [0, 1]),
    ('kitty', ['cat', 'dog'], [1, 0, 0]),
    ('house cat', ['cat'], [1, 0]), ('cat', ['house cat'], [WIDER, 1 - WIDER]),
    ('cat', ['house cat', 'cat'], [0, 1, 0]),
    ('dog', ['beagle', 'pug', 'cup'], [WIDER / 2, WIDER / 2, 0, 1 - WIDER]), ('zebra', ['animal'], [1, 0]),
    ('beagle', ['dog', 'animal'], [.5, .5, 0]), ('robin', ['wild animal'], None)])
def test_answers(query, classes, expected):
    found = answer_of_names(query, classes)
    assert found is None if expected is None else found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize('seed', range(20))
def test_maps_are_short_and_answers_add_up(seed):
    exercise = sample_few_names_exercise(np.random.default_rng(seed), 64)
    names = exercise.instruction.class_names
    assert exercise.answers.shape == (64, len(names) + 1) and np.allclose(exercise.answers.sum(1), 1)
    assert not (FOR_TESTS - {*COCO}) & {*names} and not {*TEST_NOUNS} & {*exercise.queries}


def test_most_maps_hold_one_or_two_names_and_all_kinds_of_answers_occur():
    exercises = [sample_few_names_exercise(np.random.default_rng(seed), 64) for seed in range(100)]
    assert np.mean([len(each.instruction.class_names) <= 2 for each in exercises]) > 0.6
    answers = np.concatenate([each.answers[:, -1] for each in exercises])
    assert 0.15 < np.mean(answers == 0) < 0.6 and 0.3 < np.mean(answers == 1) < 0.8
    assert np.mean((answers > 0) & (answers < 1)) > 0.02


def test_every_word_of_coco_has_narrower_names_and_none_is_kept_for_tests():
    assert HYPONYMS.keys() == set(COCO)
    for word in COCO:
        assert len(hyponyms_of(word)) > 0 and word not in hyponyms_of(word)
        assert not FOR_TESTS & {*hyponyms_of(word)}
        assert all(word in hypernyms_of(name) for name in hyponyms_of(word))
