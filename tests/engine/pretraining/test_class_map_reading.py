"""Class-map reading alone: no image, names in the place of image tokens, class sets that were never trained on."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from visionllm.apis import Inferencer
from visionllm.engine.pretraining.class_map_reading import (
    LONG,
    SHORT,
    TRAIN,
    ClassMapReading,
    RehearseReading,
    reading_accuracy,
    sample_exercise,
)
from visionllm.language.word_lists import TEST_NOUNS, TRAIN_NOUNS

from ...conftest import ROOT

WEIGHTS = ROOT / 'weights/visionllm_nano_scenes-five-tasks.safetensors'


@pytest.mark.parametrize('longest', [SHORT, LONG])
def test_exercises_have_the_right_answers(longest):
    rng = np.random.default_rng(0)
    assert not set(TRAIN_NOUNS) & set(TEST_NOUNS)
    lengths = []
    for _ in range(100):
        instruction, asked, answers = sample_exercise(rng, TRAIN, 8, longest, phrase_share=0.5)
        lengths.append(len(instruction.class_names))
        for name, answer in zip(asked, answers):
            holds = [re.search(rf'\b{name}\b', each) is not None for each in instruction.class_names]
            assert not any(holds) if answer == len(holds) else holds[answer]
    assert min(lengths) == 1 and 0.8 * longest < max(lengths) <= longest


def test_a_few_steps_lower_the_loss(tiny):
    state = {k: v.clone() for k, v in tiny.llm.state_dict().items()}
    losses = ClassMapReading('reading', steps=6, texts=1, queries=4).train(tiny)
    tiny.llm.load_state_dict(state)
    assert losses[-1] < losses[0]


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
