"""The tools as a user runs them, on the tiny size and on a handful of scenes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from PIL import Image

from visionllm.engine.loss_curve import read_scalars
from visionllm.models.safe_loading import load_local

from ..conftest import ROOT, load_config
from .commands import run_here, run_process

CONFIG = 'configs/visionllm/visionllm_tiny_scenes.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('work')
    run_process('train', CONFIG, '--work-dir', folder)
    return folder


def test_training_leaves_checkpoints_metrics_and_curves(trained):
    assert (trained / 'iter_4.pth').exists() and (trained / 'curves.png').stat().st_size > 5000
    scalars = next(trained.glob('*/vis_data/scalars.json')).read_text().splitlines()
    records = [json.loads(line) for line in scalars]
    assert any('coco/bbox_mAP' in r for r in records)
    assert sum('loss_cls' in r and 'loss_objectness' in r for r in records) == 4
    assert list(trained.glob('*/vis_data/events.out.tfevents*'))


def losses(folder: Path) -> list[dict[str, float]]:
    """Of each step that was logged, run after run."""
    lines = [line for file in sorted(folder.glob('*/vis_data/scalars.json')) for line in file.read_text().splitlines()]
    return [{k: v for k, v in r.items() if 'loss' in k or k in ('step', 'lr')} for r in map(json.loads, lines)
            if 'loss' in r]


DIES_AFTER_STEP_3 = """
import os, runpy, signal, sys
from mmengine.hooks import LoggerHook
how = getattr(signal, sys.argv.pop())
log = LoggerHook.after_train_iter
def log_and_die(self, runner, batch_idx, **batch):
    log(self, runner, batch_idx, **batch)
    if batch_idx == 2:
        os.kill(os.getpid(), how)
LoggerHook.after_train_iter = log_and_die
sys.path.insert(0, 'tools')
runpy.run_path('tools/train.py', run_name='__main__')
"""


def kill_and_resume(config: str, work_dir: Path, *options: str) -> None:
    """A training of four steps with a checkpoint every two, killed after the third, and resumed in this process."""
    arguments = [config, '--work-dir', str(work_dir), *options]
    command = [sys.executable, '-c', DIES_AFTER_STEP_3, *arguments, 'SIGKILL']
    killed = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL and (work_dir / 'iter_2.pth').exists()
    (work_dir / 'last_checkpoint').write_text('')  # had it been killed while writing this
    resumed = run_here('train', *arguments, '--resume')
    assert resumed.code == 0, resumed.err


def test_a_killed_run_goes_on_with_the_same_losses_bit_for_bit(trained, tmp_path):
    kill_and_resume(CONFIG, tmp_path, '--cfg-options', 'train_dataloader.num_workers=2')
    once = losses(trained)
    assert [r['step'] for r in once] == [1, 2, 3, 4] and losses(tmp_path) == [*once[:3], *once[2:]]


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
def test_an_interrupted_run_keeps_what_it_has_learned(call, trained, tmp_path, name):
    arguments = [CONFIG, '--work-dir', str(tmp_path), '--cfg-options', 'train_dataloader.num_workers=1']
    command = [sys.executable, '-c', DIES_AFTER_STEP_3, *arguments, name]
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert stopped.returncode == 128 + getattr(signal, name) and 'Traceback' not in stopped.stderr
    assert 'its 3 steps are in' in stopped.stderr and '--resume' in stopped.stderr
    assert (tmp_path / 'iter_3.pth').exists()
    assert call('train', *arguments, '--resume').code == 0
    assert losses(tmp_path) == losses(trained)


def test_curves_of_a_resumed_run_begin_where_the_first_began(tmp_path):
    for name, steps in (('1', [1, 2, 9]), ('2', [1, 2, 3, 4]), ('3', [3, 4, 5])):
        file = tmp_path / name / 'vis_data' / 'scalars.json'
        file.parent.mkdir(parents=True)
        file.write_text('\n'.join(json.dumps(dict(step=step, run=name)) for step in steps))
    with file.open('a') as scalars:
        scalars.write('\n{"step": 6, "ru')  # the run was killed while it wrote this
    assert [(r['run'], r['step']) for r in read_scalars(tmp_path)] == [('2', 1), ('2', 2), ('3', 3), ('3', 4), ('3', 5)]


def test_the_language_model_is_exported_alone(call, trained, tmp_path):
    adapter = str(tmp_path / 'adapter')
    assert call('export', CONFIG, trained / 'iter_4.pth', tmp_path / 'all', '--adapter', adapter).code == 0
    llm = MODELS.build(load_config(CONFIG).model.llm | dict(adapter=adapter))
    learned = load_local(trained / 'iter_4.pth')['state_dict']
    assert all(torch.equal(value, learned[f'llm.{name}']) for name, value in llm.state_dict().items())


def test_testing_prints_a_coco_table_and_writes_results_and_a_report(call, trained, tmp_path):
    text = call('test', CONFIG, trained / 'iter_4.pth', '--work-dir', tmp_path, '--out', tmp_path / 'a', '--show-dir',
                'shown', '--report', tmp_path / 'report').out
    assert 'Average Precision' in text and 'coco/bbox_mAP' in text
    assert json.loads((tmp_path / 'a.bbox.json').read_text()) is not None
    assert list(tmp_path.rglob('shown/**/*.png'))
    figures = json.loads((tmp_path / 'report/metrics.json').read_text())['sets'][0]
    assert figures['images'] == 8 and figures['seconds'] > 0 and (tmp_path / 'report/report.html').exists()


def test_what_cannot_be_resumed_is_said_before_time_is_lost(call, trained, tmp_path):
    done = call('train', CONFIG, '--work-dir', tmp_path, '--resume', tmp_path / 'iter_9.pth')
    assert done.code == 2 and 'no checkpoint' in done.err and 'iter_9.pth' in done.err
    assert call('export', CONFIG, trained / 'iter_4.pth', tmp_path / 'a').code == 0
    done = call('train', CONFIG, '--work-dir', tmp_path, '--resume', tmp_path / 'a/model.safetensors')
    assert done.code == 2 and 'holds weights alone' in done.err


def test_a_checkpoint_of_another_config_is_refused(call, trained, tmp_path):
    done = call('test', CONFIG, trained / 'iter_4.pth', '--work-dir', tmp_path, '--cfg-options',
                'model.connector.num_queries=7')
    assert done.code == 2 and 'is a checkpoint of another config' in done.err and 'query_embedding' in done.err


def test_inference_draws_and_writes_json(call, trained, tmp_path):
    Image.new('L', (90, 60), 120).save(tmp_path / 'grey.png')
    Image.new('RGBA', (300, 40), (9, 9, 9, 100)).save(tmp_path / 'wide.png')
    (tmp_path / 'names.txt').write_text('red star\n')
    out = tmp_path / 'out'
    call('predict', tmp_path / 'grey.png', tmp_path / 'wide.png', '--model', CONFIG, '--checkpoint',
         trained / 'iter_4.pth', '--classes', f'@{tmp_path}/names.txt', 'moon', '--threshold', '0', '--out', out)
    answers = json.loads((out / 'answers.json').read_text())
    assert len(answers) == 2 and {o['name'] for a in answers for o in a['objects']} <= {'red star', 'moon'}
    assert all(0 <= x1 <= x2 <= 300 and 0 <= y1 <= y2 <= 60 for a in answers for o in a['objects']
               for x1, y1, x2, y2 in [o['box']])
    assert len(list(out.glob('*.png'))) == 2


def test_a_bad_image_costs_no_other_answer(call, trained, tmp_path):
    for name in ('a', 'c'):
        Image.new('RGB', (60, 40), 'grey').save(tmp_path / f'{name}.png')
    (tmp_path / 'b.png').write_text('no image')
    files = [tmp_path / f'{name}.png' for name in 'abc']
    model = ['--model', CONFIG, '--checkpoint', trained / 'iter_4.pth', '--classes', 'star', '--out', tmp_path / 'out']
    done = call('predict', *files, *model)
    assert done.code == 1 and 'b.png is not an image' in done.err and 'Traceback' not in done.err
    answers = json.loads((tmp_path / 'out/answers.json').read_text())
    assert [Path(answer['image']).name for answer in answers] == ['a.png', 'c.png']
    assert call('predict', files[1], *model).code == 2


@pytest.mark.parametrize('sentence, reason', [
    ('Find {"a": <c0>} in <image>', 'names no output tuple'),
    ('Find the star as (c, x1, y1, x2, y2) in <image>', 'class set is empty'),
])
def test_an_instruction_that_cannot_be_parsed_is_explained(call, trained, tmp_path, sentence, reason):
    Image.new('RGB', (64, 64)).save(tmp_path / 'a.png')
    done = call('predict', tmp_path / 'a.png', '--model', CONFIG, '--checkpoint', trained / 'iter_4.pth',
                '--instruction', sentence)
    assert done.code == 2 and reason in done.err


def test_the_shipped_model_answers_where_none_is_named(call, tmp_path):
    Image.new('RGB', (64, 64)).save(tmp_path / 'a.png')
    assert call('predict', tmp_path / 'a.png', '--model', 'scenes', '--caption', '--out', tmp_path).code == 0
    assert json.loads((tmp_path / 'answers.json').read_text())[0]['text']
    done = call('predict', tmp_path / 'a.png', '--caption', '--model', CONFIG)
    assert done.code == 2 and 'is a config; name its weights as well' in done.err


def test_a_benchmark_is_printed_written_and_drawn(call, tmp_path):
    out = tmp_path / 'benchmark.json'
    text = call('benchmark', 'loading', '--repeats', '1', '--out', out).out
    result = json.loads(out.read_text())
    assert result['ratios']['a batch of boxes / MMDetection'] > 0 and 'a batch of polygons' in text
    assert out.with_suffix('.png').exists()
