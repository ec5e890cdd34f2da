"""Reading alone: no picture, symbolic image tokens, class sets that were never trained on."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from visionllm.apis import Inferencer
from visionllm.engine.lesson_cache import remember
from visionllm.engine.reading import FEW, MANY, TRAIN, TeachReading, draw_lesson, reading_accuracy, teach_reading
from visionllm.language.nouns import TEST_NOUNS, TRAIN_NOUNS

from ..conftest import ROOT

WEIGHTS = ROOT / 'weights/visionllm_nano_scenes-five-tasks.safetensors'


@pytest.mark.parametrize('longest', [FEW, MANY])
def test_lessons_are_what_they_say(longest):
    rng = np.random.default_rng(0)
    assert not set(TRAIN_NOUNS) & set(TEST_NOUNS)
    lengths = []
    for _ in range(100):
        lesson, asked, answers = draw_lesson(rng, TRAIN, 8, longest, phrased=0.5)
        lengths.append(len(lesson.class_names))
        for word, answer in zip(asked, answers):
            holds = [re.search(rf'\b{word}\b', name) is not None for name in lesson.class_names]
            assert not any(holds) if answer == len(holds) else holds[answer]
    assert min(lengths) == 1 and 0.8 * longest < max(lengths) <= longest


def test_a_few_steps_of_teaching_lower_the_loss(tiny):
    state = {k: v.clone() for k, v in tiny.llm.state_dict().items()}
    losses = teach_reading(tiny, steps=6, texts=1, words=4)
    tiny.llm.load_state_dict(state)
    assert losses[-1] < losses[0]


@pytest.mark.skipif(not WEIGHTS.exists(), reason='no shipped weights in this checkout')
def test_the_shipped_language_model_reads_class_maps():
    """Unseen nouns, phrases, orders, tokens and wordings, after training on pictures."""
    model = Inferencer.from_files('configs/visionllm/visionllm_nano_scenes-five-tasks.py', str(WEIGHTS)).model
    accuracy = reading_accuracy(model, lessons=40)
    assert accuracy['named'] >= 98.0 and accuracy['all'] >= 94.0 and accuracy['phrased'] >= 94.0, accuracy


def test_a_cache_of_another_lesson_is_refused(tiny, tmp_path):
    cache = tmp_path / 'reading.pth'
    runner = SimpleNamespace(iter=0, seed=0, model=tiny)
    remember(cache, dict(steps=240), {})
    with pytest.raises(ValueError, match="taught with {'steps': 240}, and this run asks for {'steps': 3}"):
        TeachReading(steps=3, cache=str(cache)).before_train(runner)


def test_rehearsal_adds_a_gradient_every_few_steps(tiny):
    hook = TeachReading(steps=0, rehearse=2)
    weights = [p for p in tiny.llm.parameters() if p.requires_grad]
    for step, rehearsed in ((0, True), (1, False), (2, True)):
        tiny.zero_grad()
        hook.before_train_iter(SimpleNamespace(iter=step, seed=0, model=tiny), step)
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in weights) == rehearsed
    tiny.zero_grad()
