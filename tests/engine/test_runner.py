import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from visionllm.engine.runner import StrictRunner
from visionllm.errors import CheckpointMismatchError
from visionllm.models.freezing import exclude_frozen_parameters


@pytest.fixture
def runner():
    """A runner that can do nothing but load; of its model's backbone the first layer is frozen."""
    backbone = nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.BatchNorm1d(2))
    exclude_frozen_parameters(backbone)
    runner = StrictRunner.__new__(StrictRunner)
    runner.model = nn.ModuleDict(dict(backbone=backbone, neck=nn.Linear(2, 4), head=nn.Linear(4, 1)))
    runner.cfg, runner._hooks = SimpleNamespace(filename='a.py'), []
    return runner


def test_all_that_does_not_fit_is_named_once_by_part(runner, tmp_path):
    state = runner.model.state_dict()
    del state['neck.bias']
    state |= {'neck.weight': torch.zeros(4, 3), 'head.old.weight': torch.zeros(1), 'thing': torch.zeros(1),
              **{f'head.old.{number}': torch.zeros(1) for number in range(5)},
              'backbone.0.bias': torch.zeros(2), 'backbone.1.running_mean': torch.zeros(2)}
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    sentence = (f'{tmp_path}/a.pth is a checkpoint of another config than a.py. neck: weight is (4, 3) and should be '
                '(4, 2); bias is missing | head: old.weight has no place here; old.0 has no place here; '
                'old.1 has no place here; and 3 more | thing: has no place here')
    with pytest.raises(CheckpointMismatchError, match=f'^{re.escape(sentence)}$'):
        runner.load_checkpoint(str(tmp_path / 'a.pth'))


def test_a_strategy_that_would_be_passed_over_is_refused():
    with pytest.raises(ValueError, match='DeepSpeedStrategy, which only .* model_wrapper_cfg.type=ShardedDataParallel'):
        StrictRunner.from_cfg(Config(dict(strategy=dict(type='DeepSpeedStrategy'))))
