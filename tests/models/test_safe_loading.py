import os
from argparse import Namespace
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from visionllm.models.safe_loading import UnsafeCheckpointError, load_local, save_safetensors


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


def test_loading_says_nothing_of_backends(tmp_path, capfd):
    torch.save(dict(state_dict={}), tmp_path / 'a.pth')
    for name in (str(tmp_path / 'a.pth'), 'visionllm://scenes'):
        assert 'state_dict' in CheckpointLoader.load_checkpoint(name, map_location='cpu')
    assert capfd.readouterr() == ('', '')


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Address of a web server of the folder ``site``; what is downloaded is kept in another."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'kept'))
    (tmp_path / 'site').mkdir()
    server = HTTPServer(('localhost', 0), partial(SimpleHTTPRequestHandler, directory=tmp_path / 'site'))
    Thread(target=server.serve_forever, args=(0.01, ), daemon=True).start()
    yield f'http://localhost:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_code_in_a_pickle_from_the_web_never_runs(tmp_path, site):
    torch.save(dict(state_dict={}, evil=Hostile(tmp_path / 'ran')), tmp_path / 'site/evil.pth')
    with pytest.raises(UnsafeCheckpointError, match='can run code'):
        CheckpointLoader.load_checkpoint(f'{site}/evil.pth')
    assert not (tmp_path / 'ran').exists()


def test_safetensors_come_from_the_web_and_are_not_taken_for_one_another(tmp_path, site):
    for name in 'ab':
        (tmp_path / 'site' / name).mkdir()
        save_safetensors({name: torch.ones(1)}, tmp_path / 'site' / name / 'model.safetensors', {})
    for _ in range(2):  # downloaded, then kept
        for name in 'ab':
            address = f'{site}/{name}/model.safetensors'
            assert set(CheckpointLoader.load_checkpoint(address, map_location='cpu')['state_dict']) == {name}
            (tmp_path / 'site' / name / 'model.safetensors').unlink(missing_ok=True)
    with pytest.raises(ConnectionError, match='c.pth could not be downloaded .*404.*put the file on disk'):
        CheckpointLoader.load_checkpoint(f'{site}/c.pth')


@pytest.mark.parametrize('zipped', [True, False])  # as torch saved before 1.6
def test_arguments_beside_the_tensors_are_no_code(tmp_path, zipped):
    content = dict(model=dict(a=torch.ones(2)), args=Namespace(lr=2e-4, lr_backbone_names=['backbone.0']), epoch=49)
    torch.save(content, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
    read = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert torch.equal(read['model']['a'], torch.ones(2)) and read['args'].lr == 2e-4


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
