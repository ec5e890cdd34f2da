"""Stages in order, their cache and their timings."""

import copy
import json
import re

import pytest
import torch

from visionllm.engine.pretraining import PretrainingHook
from visionllm.engine.pretraining.cache import code_of, stage_key
from visionllm.engine.pretraining.stage import PretrainingStage
from visionllm.engine.stop_at_nan import DivergedError
from visionllm.errors import ConfigError
from visionllm.language import TASKS

from ...conftest import sample_batch, stage_runner

INSTRUCTION = TASKS['detection'].write_instruction(['star', 'heart'])
WORDS = dict(type='TokenWordAlignment', name='words', steps=2)
READING = dict(type='ClassMapReading', name='reading', steps=1, texts=1)


def runner_of(model, steps=2):
    return stage_runner(model, [sample_batch(INSTRUCTION) for _ in range(steps)])


def pretrain(model, folder, *stages):
    PretrainingHook(list(stages), str(folder)).before_train(runner_of(model))
    return model


def test_a_stage_is_trained_once_and_then_loaded(tiny, tmp_path, monkeypatch):
    trained, again = copy.deepcopy(tiny), copy.deepcopy(tiny)
    pretrain(trained, tmp_path, WORDS)
    monkeypatch.setattr(PretrainingStage, '_optimize', None)
    pretrain(again, tmp_path, WORDS)
    for name, value in trained.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert len(list(tmp_path.glob('words-*.pth'))) == 1


def test_a_run_that_was_stopped_goes_on_with_the_stage_that_it_was_in(tiny, tmp_path, monkeypatch):
    whole = pretrain(copy.deepcopy(tiny), tmp_path / 'whole', READING, WORDS)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        def interrupt(*_):
            raise KeyboardInterrupt
        patched.setattr(PretrainingStage, '_optimize', interrupt)
        pretrain(copy.deepcopy(tiny), tmp_path / 'stopped', READING, WORDS)
    assert [path.name.split('-')[0] for path in (tmp_path / 'stopped').glob('*.pth')] == ['reading']
    resumed = pretrain(copy.deepcopy(tiny), tmp_path / 'stopped', READING, WORDS)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_resumed_training_has_had_its_stages(tiny, tmp_path):
    runner = runner_of(copy.deepcopy(tiny))
    runner.iter = 3
    PretrainingHook([WORDS], str(tmp_path)).before_train(runner)
    assert not runner.built and not list(tmp_path.iterdir())


def changes(model):
    """What a result depends on, changed one by one: a stage's config, and a runner for it."""
    other_weights, other_rank = copy.deepcopy(model), copy.deepcopy(model)
    other_weights.heads['tuples'].class_reader.scale.data += 1
    layer = other_rank.llm.decoder.layers[0].self_attn.q_proj
    layer.lora_A['default'] = torch.nn.Linear(64, 8, bias=False)
    other_option, other_words = copy.deepcopy(model), copy.deepcopy(model)
    other_option.refiners['roi'].crop_scale = 2.0
    tokenizer = copy.deepcopy(model.llm.vocabulary.tokenizer)
    tokenizer.add_tokens(['<another>'])
    object.__setattr__(other_words.llm.vocabulary, 'tokenizer', tokenizer)

    def runner(**dataset):
        runner = runner_of(model)
        runner.cfg.train_dataloader.dataset.update(dataset)
        return runner
    seed = runner()
    seed.seed = 1
    return dict(nothing=(WORDS, runner()), steps=(WORDS | dict(steps=3), runner()), lr=(WORDS | dict(lr=0.5), runner()),
                images=(WORDS, runner(num_images=33)), classes=(WORDS, runner(kind='colour')),
                annotations=(WORDS, runner(ann_file='README.md')), other_data=(WORDS, runner(data_root='elsewhere/')),
                weights=(WORDS, runner_of(other_weights)), lora_rank=(WORDS, runner_of(other_rank)),
                options=(WORDS, runner_of(other_option)), tokenizer=(WORDS, runner_of(other_words)),
                precision=(WORDS, stage_runner(model, [], 'BFloat16OptimWrapper')), seed=(WORDS, seed))


def test_a_key_changes_with_everything_that_the_result_depends_on(tiny):
    keys = {name: stage_key(PretrainingHook([stage]).stages[0], runner)
            for name, (stage, runner) in changes(tiny).items()}
    assert len(set(keys.values())) == len(keys) == 13, keys
    assert keys['nothing'] == stage_key(PretrainingHook([WORDS]).stages[0], runner_of(tiny))


def test_reading_is_shared_by_models_that_differ_in_what_it_does_not_use(tiny):
    other = copy.deepcopy(tiny)
    other.connector.level_embed.data += 1
    stage = PretrainingHook([READING]).stages[0]
    assert stage_key(stage, runner_of(tiny)) == stage_key(stage, runner_of(other))
    other.heads['tuples'].class_reader.opening = ' '
    assert stage_key(stage, runner_of(tiny)) != stage_key(stage, runner_of(other))


def test_comments_and_docstrings_are_no_code():
    code = code_of(PretrainingStage.__module__)
    assert 'optimizer' in code and 'falling linearly to zero' not in code


def test_the_plan_says_how_long_each_stage_took_last_time(tiny, tmp_path):
    (tmp_path / 'timings.json').write_text(json.dumps(dict(words=90)))
    plan = PretrainingHook([READING, WORDS], str(tmp_path)).plan()
    assert plan[1] == '  1. reading (ClassMapReading): 1 steps, not timed yet'
    assert plan[2] == '  2. words (TokenWordAlignment): 2 steps, 1.5 min last time'
    pretrain(copy.deepcopy(tiny), tmp_path, READING)
    assert re.fullmatch(r'\d+', str(json.loads((tmp_path / 'timings.json').read_text())['reading']))


def test_two_stages_of_one_name_are_refused():
    with pytest.raises(ConfigError, match='named words; names tell'):
        PretrainingHook([WORDS, WORDS])


def test_a_stage_that_diverged_is_not_kept(tiny, tmp_path, monkeypatch):
    def diverge(self, model, *_):
        model.heads['tuples'].class_reader.scale.data.fill_(torch.nan)
    monkeypatch.setattr(PretrainingStage, '_optimize', diverge)
    monkeypatch.setattr('visionllm.engine.pretraining.stage.trained_state', lambda model, *_: model.state_dict())
    with pytest.raises(DivergedError, match='Pre-training stage words left weights that are not finite'):
        pretrain(copy.deepcopy(tiny), tmp_path, WORDS)
    assert not list(tmp_path.glob('*.pth'))
