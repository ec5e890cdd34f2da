"""Flamingo by the tools of every model: trained, resumed, tested; what is trained is what is named."""

import json

import pytest
import torch

from visionllm.engine import ChoiceScoring, StrictRunner
from visionllm.errors import ConfigError
from visionllm.models.safe_loading import load_local

from ..conftest import load_config
from .test_tools import kill_and_resume

CONFIG = 'configs/flamingo/flamingo_tiny_scenes.py'
TRAINED = ('refiners.resampler.', 'heads.text.fusion.', 'heads.text.rows.')


def run(work_dir):
    cfg = load_config(CONFIG)
    cfg.work_dir = str(work_dir)
    runner = StrictRunner.from_cfg(cfg)
    before = {name: tensor.detach().clone() for name, tensor in runner.model.named_parameters()}
    runner.train()
    return runner, before


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    from mmengine.registry import init_default_scope
    init_default_scope('mmdet')
    folder = tmp_path_factory.mktemp('flamingo')
    return folder, *run(folder)


def figures(folder):
    lines = [line for file in sorted(folder.glob('*/vis_data/scalars.json')) for line in file.read_text().splitlines()]
    return list(map(json.loads, lines))


def test_exactly_the_resampler_the_gates_and_two_rows_change(trained):
    _, runner, before = trained
    after = dict(runner.model.named_parameters())
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {name for name in after if name.startswith(TRAINED)}
    assert after['heads.text.rows.weight'].shape[0] == 2 and {'connector', 'llm'} == {
        name.split('.')[0] for name in set(after) - changed}


def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(trained, tmp_path):
    kill_and_resume(CONFIG, tmp_path)
    whole, again = (load_local(each / 'iter_4.pth')['state_dict'] for each in (trained[0], tmp_path))
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)


def test_answers_are_counted_by_the_number_of_shots(trained):
    found = next(record for record in figures(trained[0]) if 'answer/accuracy' in record)
    assert {f'{kind}/accuracy_{count} shots' for count in (0, 1, 2, 4, 8) for kind in ('answer', 'choice')} <= {*found}
    assert found['choice/empty'] == 0


def test_boxes_by_example_are_measured_by_the_test_of_a_config(trained):
    cfg = load_config('configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_scenes-boxes.py')
    cfg.model, cfg.load_from = load_config(CONFIG).model, str(trained[0] / 'iter_4.pth')
    cfg.work_dir = str(trained[0] / 'boxes')
    cfg.custom_hooks, cfg.experiment_name = [], 'boxes'
    cfg.test_dataloader.dataset.num_episodes = 2
    cfg.test_dataloader.dataset.asked.update(root='data/scenes_boxes_tiny/few', num_images=30)
    cfg.test_dataloader.dataset.shots.update(root='data/scenes_boxes_tiny/one', num_images=60)
    found = StrictRunner.from_cfg(cfg).test()
    assert set(found) == {f'box/{name}_{count} shots' for name in ('accuracy', 'chance') for count in (0, 1, 4)}
    assert found['box/chance_0 shots'] == found['box/chance_4 shots'] > 20, 'the same questions'


def test_choices_that_are_not_there_are_one_sentence(trained):
    runner = trained[1]
    batch = next(iter(runner.val_dataloader))
    for sample in batch['data_samples']:
        sample.pop('choices', None)
    with pytest.raises(ConfigError, match='needs the choices of each asked sample'):
        ChoiceScoring().before_test_iter(runner, 0, batch)
