import copy

import numpy as np
import pytest
import torch

from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.scene_description import SceneDescription, questions_about_objects, symbolic_image
from visionllm.errors import ConfigError
from visionllm.models.prompts import ProjectedPrompt
from visionllm.models.samples import build_target

from ...conftest import sample_batch, stage_runner

CAPTION = 'Describe the picture as (text). <image>'
NAMES = ('small red star', 'large blue ring', 'dog')


def test_an_image_is_described_object_by_object(tiny):
    prompt, target = tiny.heads['text'].image_prompt, build_target(sample_batch(CAPTION, 1, NAMES)['data_samples'][0])
    image = symbolic_image(tiny.llm, prompt, target)
    assert image.shape == (len(target.labels) * (prompt.num_words + 2), tiny.llm.width)
    target.labels, target.boxes = target.labels[:0], target.boxes[:0]
    assert len(symbolic_image(tiny.llm, prompt, target)) == 0


def test_the_language_model_and_the_location_embeddings_are_trained(tiny):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.named_parameters()}
    runner = stage_runner(model, [sample_batch(CAPTION, names=NAMES)] * 2)
    SceneDescription('description', steps=2, dataset_weights=[0, 1]).run(runner, StageProgress())
    assert runner.built[0]['sampler']['weights'] == [0, 1]
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert {name.split('.')[0] for name in changed} == {'llm', 'heads'}
    assert all('box_projector' in name for name in changed if name.startswith('heads'))


def test_a_prompt_without_symbols_is_refused(tiny, monkeypatch):
    prompt = ProjectedPrompt(tiny.connector.embed_dims, tiny.llm.width)
    monkeypatch.setitem(tiny.heads['text']._modules, 'image_prompt', prompt)
    with pytest.raises(ConfigError, match="image_prompt=dict\\(type='SymbolicPrompt'\\)"):
        SceneDescription('description', steps=1, dataset_weights=[1]).check(tiny)


def test_generated_questions_ask_for_an_attribute_and_a_noun_of_one_object():
    names = ['small red metal ring', 'large blue ring', 'small blue star', 'dog']
    turns = questions_about_objects(names, 200, np.random.default_rng(0))
    answers = dict(zip(turns[::2], turns[1::2]))
    assert {'yes', 'no', 'one', 'two'} == set(answers.values()) and len(turns) == 400
    counts = {question: answers.pop(question) for question in list(answers) if question.startswith('how many')}
    assert counts == {'how many rings are there?': 'two', 'how many stars are there?': 'one',
                      'how many dogs are there?': 'one'}
    for question, answer in answers.items():
        asked = set(question.removeprefix('is there a ').removesuffix('?').split())
        assert answer == ('yes' if any(asked <= set(name.split()) for name in names) else 'no'), question
    assert answers['is there a red ring?'] == 'yes' and answers['is there a red star?'] == 'no'
    nameless = questions_about_objects(['dog', 'dog'], 40, np.random.default_rng(0))
    assert set(zip(nameless[::2], nameless[1::2])) == {('is there a dog?', 'yes'), ('how many dogs are there?', 'two')}
    said = questions_about_objects(['red star', 'blue ring', 'green dog'], 400, np.random.default_rng(0))[1::2]
    assert 0.8 < said.count('yes') / said.count('no') < 1.25
