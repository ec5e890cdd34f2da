"""Processes that share a language model's frozen layers, and the optimizer's state, learn, save and answer what those
do that hold all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from visionllm.engine import ShardedAdamW
from visionllm.engine.sharding import ShardedDataParallel
from visionllm.models.safe_loading import load_local

from ..conftest import ROOT
from .test_processes import free_port, logged

# A task with three passes and one with one; a lesson that trains what the first step does not use. Five pictures are
# measured one by one, so that one process has more to answer.
CONFIG = f'''
_base_ = '{ROOT}/configs/visionllm/visionllm_tiny_scenes.py'
model = dict(llm=dict(random_config=dict(num_hidden_layers=3)))
pictures = dict(data_root='data/scenes_tiny/', split='train', num_images=32, seed=0)
load = [dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True)]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(_delete_=True, type='MixtureSampler', batch_size=2, weights=[3, 97]),  # the fourth is of captions
    dataset=dict(_delete_=True, type='ConcatDataset', ignore_keys=['classes', 'palette'], datasets=[
        dict(type='SceneLanguageDataset', kind='captions', **pictures,
             pipeline=[*load, dict(type='PackInstructionInputs', task='captioning')]),
        dict(type='SceneDataset', **pictures,
             pipeline=[*load, dict(type='PackInstructionInputs', task='detection')])]))
five = '{{{{ fileDirname }}}}/five/'
val_dataloader = dict(batch_size=1, dataset=dict(data_root=five, num_images=5))
val_evaluator = dict(ann_file=five + 'annotations/instances_test.json')
custom_hooks = [
    dict(type='PretrainingHook', cache_dir='{{{{ fileDirname }}}}/cache', stages=[
        dict(type='SceneDescription', name='description', steps=1, dataset_weights=[1, 0])]),
    dict(type='RehearseReading', interval=2)]
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
'''
# One after the other, since starting takes longer than running.
RUNS = '''
import json
import sys
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from torch.distributed.tensor import DTensor
from visionllm.engine import StrictRunner

def held(parameter):
    return (parameter.to_local() if isinstance(parameter, DTensor) else parameter).nbytes

class Holds(Hook):
    def after_train_iter(self, runner, **_):
        layers = runner.model.module.llm.decoder.layers
        held_now = [sum(held(p) for p in layer.parameters() if not p.requires_grad) for layer in layers]
        states = getattr(runner.optim_wrapper.optimizer, 'optim', runner.optim_wrapper.optimizer).state
        moments = sum(state['exp_avg'].nbytes for state in states.values())
        open(f'{runner.work_dir}/held_{get_rank()}.json', 'w').write(json.dumps([held_now, moments]))

def train(name, **changes):
    cfg = Config.fromfile(sys.argv[1])
    cfg.launcher, cfg.work_dir = 'pytorch', f'{sys.argv[2]}/{name}'
    cfg.experiment_name = name
    cfg.merge_from_dict({'val_evaluator.outfile_prefix': f'{cfg.work_dir}/answers', **changes})
    runner = StrictRunner.from_cfg(cfg)
    runner.register_hook(Holds())
    runner.train()

shared = {'model_wrapper_cfg.type': 'ShardedDataParallel', 'optim_wrapper.optimizer.type': 'ShardedAdamW'}
train('whole')
train('shared', **shared, **{'model.llm.gradient_checkpointing': True, 'train_cfg.max_iters': 2})
half_way = dict(resume=True, load_from=f'{sys.argv[2]}/shared/iter_2.pth')
train('resumed', **shared, **half_way)
train('resumed_whole', **half_way)
'''


@pytest.fixture(scope='module')
def runs(tmp_path_factory) -> Path:
    """Work dirs of two processes: with all of it; with shares, stopped half way; resumed with shares, and without."""
    folder = tmp_path_factory.mktemp('sharding')
    (folder / 'config.py').write_text(CONFIG)
    (folder / 'runs.py').write_text(RUNS)
    done = subprocess.run([f'{Path(sys.executable).parent}/torchrun', '--nproc_per_node', '2', '--master_port',
                           free_port(), str(folder / 'runs.py'), str(folder / 'config.py'), str(folder)],
                          cwd=ROOT, capture_output=True, text=True, env=os.environ | dict(PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr[-6000:]
    return folder


def figures(folder: Path) -> list[dict]:
    return [{name: value for name, value in record.items() if 'loss' in name or 'acc' in name or name == 'grad_norm'}
            for record in logged(folder)]


def test_they_learn_the_same(runs):
    whole, shared, *resumed = (figures(runs / name) for name in ('whole', 'shared', 'resumed', 'resumed_whole'))
    assert ['loss_text' in record for record in whole] == [False, False, False, True]
    for second_half in resumed:
        for alone, together in zip(whole, shared + second_half, strict=True):
            assert together == pytest.approx(alone, rel=1e-5, abs=1e-5)


def test_each_holds_its_half_between_steps(runs):
    def held(name):
        return [json.loads((runs / name / f'held_{rank}.json').read_text()) for rank in (0, 1)]
    (first, second, last), moments = held('whole')[0]
    for name in ('shared', 'resumed'):
        layers, shares = zip(*held(name))
        assert layers == 2 * ([first / 2, second / 2, last], )
        assert 0.4 * moments < min(shares) and max(shares) < 0.6 * moments
    assert sum(shares) == moments


def test_they_save_and_answer_the_same(runs):
    whole, resumed = (load_local(runs / name / 'iter_4.pth') for name in ('whole', 'resumed'))
    for saved in (whole, resumed):
        saved |= saved.pop('optimizer')
    for part in ('state_dict', 'state', 'param_groups'):
        torch.testing.assert_close(resumed[part], whole[part], rtol=1e-4, atol=1e-6)
    answers = [json.loads((runs / name / 'answers.bbox.json').read_text()) for name in ('whole', 'resumed')]
    assert len(answers[0]) > 20 and len(answers[0]) == len(answers[1])
    for one, other in zip(*answers):
        assert other['bbox'] == pytest.approx(one['bbox'], abs=0.1)


def test_one_process_has_nobody_to_share_with():
    with pytest.raises(ValueError, match='there is one. Start them with tools/dist_train.sh'):
        ShardedAdamW(torch.nn.Linear(1, 1).parameters())


def test_a_model_without_a_language_model_has_nothing_to_share():
    with pytest.raises(ValueError, match='this model has none. Leave model_wrapper_cfg as it is'):
        ShardedDataParallel(torch.nn.Linear(1, 1))
