"""Several processes of one run, on whatever devices there are: they learn and measure what one process would."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from visionllm.models.safe_loading import load_local

from ..conftest import ROOT
from .commands import run_here

CONFIG = 'configs/visionllm/visionllm_tiny_scenes.py'
# Nothing is drawn, and no statistics are of a batch: a picture counts the same in whatever process it is.
ALIKE = f'''
_base_ = '{ROOT / CONFIG}'
model = dict(backbone=dict(norm_eval=True), refiners=None,
             heads=dict(tuples=dict(train_tuples=None, train_coordinates=None)))
train_dataloader = dict(
    collate_fn=dict(vary=()),
    dataset=dict(pipeline=[dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True),
                           dict(type='PackInstructionInputs', task='detection')]))
custom_hooks = [
    dict(type='PretrainingHook', cache_dir='{{{{ fileDirname }}}}/cache', stages=[
        dict(type='ClassMapReading', name='reading', steps=1), dict(type='TokenWordAlignment', name='words', steps=2)]),
    dict(type='RehearseReading', interval=2)]
'''

FLAMINGO = f'''
_base_ = '{ROOT}/configs/flamingo/flamingo_tiny_scenes.py'
episodes = dict(type='SceneEpisodes', pictures={{{{_base_.train_pictures}}}}, num_names=2, num_shots=(1, 2),
                pipeline={{{{_base_.pack}}}}, test_mode=True)  # the same every time
train_dataloader = dict(dataset=dict(datasets=[episodes, episodes]))
val_dataloader = val_cfg = val_evaluator = None
'''


def free_port() -> str:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return str(free.getsockname()[1])


def distributed(tool: str, *arguments: str) -> str:
    environment = os.environ | dict(PORT=free_port(), PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
    done = subprocess.run([f'tools/dist_{tool}.sh', *arguments], cwd=ROOT, capture_output=True, text=True,
                          env=environment)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-3000:]
    return text


def logged(folder: Path) -> list[dict]:
    lines = next(folder.glob('*/vis_data/scalars.json')).read_text().splitlines()
    return [record for record in map(json.loads, lines) if 'loss' in record]


@pytest.fixture(scope='module')
def runs(tmp_path_factory) -> tuple[Path, Path]:
    """Work dirs of one process with batches of eight, and of two with batches of four."""
    folder = tmp_path_factory.mktemp('processes')
    return train_alike(folder, ALIKE, f'custom_hooks.0.cache_dir={folder}/cache_of_one')


def train_alike(folder: Path, content: str, *options: str) -> tuple[Path, Path]:
    """Work dirs of one process, with these further options, and of two processes with half of its batch each."""
    config = folder / 'alike.py'
    config.write_text(content)
    one = run_here('train', config, '--work-dir', folder / 'one', '--cfg-options', 'train_dataloader.batch_size=8',
                   *options)
    assert one.code == 0, one.err
    distributed('train', str(config), '2', '--work-dir', str(folder / 'two'))
    return folder / 'one', folder / 'two'


def compare_losses(runs: tuple[Path, Path], more_than: int) -> None:
    """Compare the losses and accuracies of each of four steps, of which there are more than so many."""
    one, two = map(logged, runs)
    assert len(one) == len(two) == 4
    for alone, together in zip(one, two):
        losses = [name for name in alone if 'loss' in name or 'acc' in name]
        assert len(losses) > more_than
        for name in losses:
            assert together[name] == pytest.approx(alone[name], rel=1e-5, abs=1e-5), name


def test_two_processes_learn_what_one_does(runs):
    compare_losses(runs, 12)


def test_two_processes_of_flamingo_learn_what_one_does(tmp_path):
    folders = train_alike(tmp_path, FLAMINGO)
    compare_losses(folders, 2)
    one, two = (load_local(folder / 'iter_4.pth')['state_dict'] for folder in folders)
    start = load_local(folders[0] / 'iter_2.pth')['state_dict']
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-5) for name in one)
    assert any((one[name] - start[name]).abs().max() > 1e-4 for name in one)


def test_three_processes_measure_what_one_does(runs, tmp_path):
    checkpoint = str(runs[1] / 'iter_4.pth')
    one = run_here('test', CONFIG, checkpoint, '--work-dir', tmp_path, '--out', tmp_path / 'one', '--cfg-options',
                   'model.refiners=None')
    assert one.code == 0, one.err
    distributed('test', CONFIG, checkpoint, '3', '--work-dir', str(tmp_path), '--out', str(tmp_path / 'three'),
                '--cfg-options', 'model.refiners=None')
    one, three = (json.loads((tmp_path / f'{name}.bbox.json').read_text()) for name in ('one', 'three'))
    assert len(one) == len(three) > 100

    def of_pictures(records):
        return sorted((r['image_id'], r['category_id'], round(r['score'], 4), *(round(x, 1) for x in r['bbox']))
                      for r in records)
    assert sum(a == b for a, b in zip(of_pictures(one), of_pictures(three))) > 0.9 * len(one)  # roundings differ
