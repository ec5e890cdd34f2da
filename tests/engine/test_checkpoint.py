import os
import subprocess
import sys

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from visionllm.engine.checkpoint import UnsafeCheckpointError, load_local, save_safetensors

from ..conftest import ROOT


class Hostile:
    """Runs a shell command when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f'touch {self.target}',)


def test_code_in_a_pickle_never_runs(tmp_path):
    torch.save(dict(state_dict={}, evil=Hostile(tmp_path / 'ran')), tmp_path / 'evil.pth')
    with pytest.raises(UnsafeCheckpointError, match='can run code'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'evil.pth'))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('tool', ['train', 'test', 'infer'])
def test_code_in_a_pickle_never_runs_through_a_tool(tmp_path, tool):
    torch.save(dict(state_dict={}, evil=Hostile(tmp_path / 'ran')), tmp_path / 'evil.pth')
    config, evil = 'configs/visionllm/visionllm_tiny_scenes.py', str(tmp_path / 'evil.pth')
    rest = dict(
        train=[config, '--work-dir', str(tmp_path), '--cfg-options', f'load_from={evil}'],
        test=[config, evil, '--work-dir', str(tmp_path)],
        infer=['picture.png', '--config', config, '--checkpoint', evil, '--classes', 'star'])[tool]
    done = subprocess.run([sys.executable, f'tools/{tool}.py', *rest], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and 'can run code' in done.stderr, done.stderr[-2000:]
    assert not (tmp_path / 'ran').exists()


def test_safetensors_round_trip(tmp_path):
    save_safetensors(dict(a=torch.arange(6.).view(2, 3).T), tmp_path / 'a.safetensors', dict(steps=3))
    content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.safetensors'), map_location='cpu')
    assert content['meta'] == dict(steps=3) and content['state_dict']['a'].shape == (3, 2)


def test_absent_and_broken_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.pth does not exist'):
        load_local(str(tmp_path / 'gone.pth'))
    (tmp_path / 'bad.safetensors').write_bytes(b'no tensors here at all')
    with pytest.raises(UnsafeCheckpointError, match='not a valid safetensors'):
        load_local(str(tmp_path / 'bad.safetensors'))
