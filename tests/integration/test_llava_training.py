"""LLaVA is trained by the tools of every model: what a run that was killed has learned after it is resumed."""

import torch

from visionllm.models.safe_loading import load_local

from .test_tools import kill_and_resume

CONFIG = 'configs/llava/llava_tiny_scenes.py'


def test_a_killed_run_ends_with_the_same_bits(call, tmp_path):
    assert call('train', CONFIG, '--work-dir', tmp_path / 'whole').code == 0
    kill_and_resume(CONFIG, tmp_path / 'killed')
    whole, resumed = (load_local(tmp_path / name / 'iter_4.pth')['state_dict'] for name in ('whole', 'killed'))
    before = load_local(tmp_path / 'killed/iter_2.pth')['state_dict']
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert any(not torch.equal(before[name], whole[name]) for name in whole)
