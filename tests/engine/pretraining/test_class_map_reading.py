"""Class-map reading alone: no image, names in the place of image tokens, class sets that were never trained on."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from visionllm.apis.inferencer import Inferencer
from visionllm.engine.pretraining.class_map_reading import (
    LONG,
    PURE,
    SHORT,
    ClassMapReading,
    RehearseReading,
    reading_accuracy,
    reading_loss,
)
from visionllm.engine.pretraining.exercises import (
    TRAIN,
    sample_kind_exercise,
    sample_name_exercise,
    sample_related_exercise,
    sample_supercategory_exercise,
    sample_synonym_exercise,
)
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.language.kinds import TEST_KINDS, kinds_of
from visionllm.language.synonyms import SYNONYMS, VOC_SYNONYMS
from visionllm.language.word_lists import TEST_NOUNS, TRAIN_NOUNS

from ...conftest import ROOT

WEIGHTS = ROOT / 'visionllm/weights/scenes/model.safetensors'


@pytest.mark.parametrize('longest', [SHORT, LONG])
def test_exercises_have_the_right_answers(longest):
    rng = np.random.default_rng(0)
    assert not set(TRAIN_NOUNS) & set(TEST_NOUNS)
    lengths = []
    for _ in range(100):
        exercise = sample_name_exercise(rng, TRAIN, 8, longest, phrase_share=0.5)
        names = exercise.instruction.class_names
        lengths.append(len(names))
        for name, answer in zip(exercise.queries, exercise.answers):
            holds = [re.search(rf'\b{name}\b', each) is not None for each in names]
            assert answer.tolist() == ([*holds, False] if any(holds) else [*holds, True])
    assert min(lengths) == 1 and 0.8 * longest < max(lengths) <= longest


def test_synonyms_and_kinds_are_answered_by_their_classes():
    rng = np.random.default_rng(0)
    held_out = {*TEST_KINDS, *VOC_SYNONYMS.values()}
    group_of = {name: set(group) for group in SYNONYMS for name in group}
    for _ in range(100):
        exercise = sample_synonym_exercise(rng, 8, SHORT)
        names = exercise.instruction.class_names
        assert not held_out.intersection([*names, *exercise.queries])
        for name, answer in zip(exercise.queries, exercise.answers):
            holds = [each in group_of[name] for each in names]
            assert answer.tolist() == [*holds, not any(holds)]
        for exercise in (sample_kind_exercise(rng, 8), sample_supercategory_exercise(rng, 8),
                         sample_related_exercise(rng, 8, LONG)):
            names = exercise.instruction.class_names
            assert not held_out.intersection([*names, *exercise.queries])
            for name, answer in zip(exercise.queries, exercise.answers):
                right = [each for each, share in zip([*names, '<none>'], answer) if share]
                assert right == [name] or right == ['<none>'] or kinds_of(name).issuperset(right)
                assert (right == [name]) == (name in names) and answer.sum() == pytest.approx(1)


@pytest.mark.parametrize('options', [{}, dict(exercises=dict(kinds=0.5, expressions=0.5)), dict(mixtures=False)])
def test_a_few_steps_lower_the_loss(tiny, options):
    state = {k: v.clone() for k, v in tiny.llm.state_dict().items()}
    stage = ClassMapReading('reading', **dict(steps=12, texts=2, queries=4, lr=3e-3) | options)

    def loss():
        rng = np.random.default_rng(9)
        exercises = [stage._sample(rng, SHORT) for _ in range(8)]
        with torch.no_grad():
            return reading_loss(tiny, exercises, rng, PURE).item()
    before = loss()
    stage.train(tiny, StageProgress())
    after = loss()
    tiny.llm.load_state_dict(state)
    assert after < before


@pytest.mark.skipif(not WEIGHTS.exists(), reason='no shipped weights in this checkout')
def test_the_shipped_language_model_reads_class_maps():
    """Unseen nouns, phrases, orders, tokens and wordings, after training on images."""
    model = Inferencer.from_files('configs/visionllm/visionllm_nano_scenes-five-tasks.py', str(WEIGHTS)).model
    accuracy = reading_accuracy(model, exercises=20)
    assert accuracy['named'] >= 98.0 and accuracy['all'] >= 94.0 and accuracy['phrased'] >= 94.0, accuracy


def test_rehearsal_adds_a_gradient_every_few_steps(tiny):
    hook = RehearseReading(interval=2)
    weights = [p for p in tiny.llm.parameters() if p.requires_grad]
    for step, rehearsed in ((0, True), (1, False), (2, True)):
        tiny.zero_grad()
        hook.before_train_iter(SimpleNamespace(iter=step, seed=0, model=tiny), step)
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in weights) == rehearsed
    tiny.zero_grad()
