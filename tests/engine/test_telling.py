import copy

import numpy as np
import pytest
import torch

from visionllm.engine.lesson import Lesson
from visionllm.engine.telling import TeachTelling, drill, symbolic
from visionllm.models.samples import target_of

from ..conftest import lesson_runner, sample_batch

CAPTION = 'Describe the picture as (text). <image>'
NAMES = ('small red star', 'large blue ring', 'dog')


def lesson_of(model, **settings):
    batch = sample_batch(CAPTION, names=NAMES)
    runner = lesson_runner(model, [batch] * 8)
    TeachTelling(weights=[0, 1], **settings).before_train(runner)
    return runner.built


def test_a_picture_is_told_object_by_object(tiny):
    head, target = tiny.heads['text'], target_of(sample_batch(CAPTION, 1, NAMES)['data_samples'][0])
    picture = symbolic(tiny.llm, head, target)
    assert picture.shape == (len(target.labels) * (head.words + 2), tiny.llm.width)
    target.labels, target.boxes = target.labels[:0], target.boxes[:0]
    assert len(symbolic(tiny.llm, head, target)) == 0


def test_the_lesson_trains_the_language_model_and_the_word_for_a_place(tiny):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.named_parameters()}
    built = lesson_of(model, steps=2)
    assert built[0]['sampler']['weights'] == [0, 1]
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert {name.split('.')[0] for name in changed} == {'llm', 'heads'}
    assert all('place_projector' in name for name in changed if name.startswith('heads'))


def test_it_is_taught_once(tiny, tmp_path, monkeypatch):
    cache = str(tmp_path / 'telling.pth')
    taught, again = copy.deepcopy(tiny), copy.deepcopy(tiny)
    lesson_of(taught, steps=2, cache=cache)
    monkeypatch.setattr(Lesson, '_teach', None)
    lesson_of(again, steps=2, cache=cache)
    for name, value in taught.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    with pytest.raises(ValueError, match="asks for {'steps': 3"):
        lesson_of(again, steps=3, cache=cache)


def test_drills_ask_whether_one_thing_is_both():
    names = ['small red metal ring', 'large blue ring', 'small blue star', 'dog']
    turns = drill(names, 200, np.random.default_rng(0))
    answers = dict(zip(turns[::2], turns[1::2]))
    assert {'yes', 'no', 'one', 'two'} == set(answers.values()) and len(turns) == 400
    counts = {question: answers.pop(question) for question in list(answers) if question.startswith('how many')}
    assert counts == {'how many rings are there?': 'two', 'how many stars are there?': 'one',
                      'how many dogs are there?': 'one'}
    for question, answer in answers.items():
        asked = set(question.removeprefix('is there a ').removesuffix('?').split())
        assert answer == ('yes' if any(asked <= set(name.split()) for name in names) else 'no'), question
    assert answers['is there a red ring?'] == 'yes' and answers['is there a red star?'] == 'no'
    nameless = drill(['dog', 'dog'], 40, np.random.default_rng(0))
    assert set(zip(nameless[::2], nameless[1::2])) == {('is there a dog?', 'yes'), ('how many dogs are there?', 'two')}
    said = drill(['red star', 'blue ring', 'green dog'], 400, np.random.default_rng(0))[1::2]
    assert 0.8 < said.count('yes') / said.count('no') < 1.25
