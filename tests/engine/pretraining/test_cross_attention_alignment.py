import copy

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS

from visionllm.datasets import document_collate
from visionllm.engine.pretraining import CrossAttentionAlignment
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.errors import ConfigError

from ...conftest import load_config, stage_runner

CONFIG = 'configs/flamingo/flamingo_tiny_scenes.py'


@pytest.fixture
def model():
    return MODELS.build(load_config(CONFIG).model)


@pytest.fixture
def batch():
    np.random.seed(0)
    dataset = DATASETS.build(load_config(CONFIG).train_dataloader.dataset.datasets[0])
    return document_collate([dataset[index] for index in range(6)])


def test_pictures_learn_the_words_of_their_captions_and_the_rest_stays(model, batch):
    stage = CrossAttentionAlignment('words', steps=80, lr=5e-3)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    first = stage.losses(model, copy.deepcopy(batch))
    stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(80)]), StageProgress())
    last = stage.losses(model, copy.deepcopy(batch))
    assert first['loss_word'].count == 6, 'one of each document, the asked one'
    assert last['acc_word'].value == 100 and last['loss_word'].value < 0.5 * first['loss_word'].value
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(('refiners.', 'heads.text.fusion.layers.0.', 'heads.text.rows.'))
                           for name in changed)


def test_what_it_cannot_learn_from_is_told(model, batch, tiny):
    stage = CrossAttentionAlignment('words', steps=1)
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(captions=()))
    with pytest.raises(ConfigError, match='a picture has none'):
        stage.losses(model, batch)
    with pytest.raises(ConfigError, match='InterleavedTextHead'):
        stage.check(tiny)
