"""LLaVA is trained by the tools of every model: what a run that was stopped learns after it is resumed."""

import shutil

import torch
from mmengine.config import Config

from visionllm.engine import StrictRunner

from ..conftest import ROOT

CONFIG = str(ROOT / 'configs/llava/llava_tiny_scenes.py')


def train(work_dir, resume=None):
    """Weights after four steps, from a checkpoint or from the beginning."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir, cfg.experiment_name = str(work_dir), str(work_dir).replace('/', '-')
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.load_from, cfg.resume = resume, resume is not None
    StrictRunner.from_cfg(cfg).train()
    return torch.load(work_dir / 'iter_4.pth', weights_only=False)['state_dict']


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    whole = train(tmp_path / 'whole')
    shutil.copy(tmp_path / 'whole/iter_2.pth', tmp_path / 'stopped.pth')
    resumed = train(tmp_path / 'resumed', str(tmp_path / 'stopped.pth'))
    before = torch.load(tmp_path / 'stopped.pth', weights_only=False)['state_dict']
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert any(not torch.equal(before[name], whole[name]) for name in whole)
