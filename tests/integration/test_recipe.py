"""A recipe of two small trainings: planned, run, stopped and gone on with, exported."""

import json
import subprocess
import sys

import pytest

from visionllm.engine.recipe import Recipe, RecipeError
from visionllm.errors import ConfigError
from visionllm.models.safe_loading import load_local

from ..conftest import ROOT

TINY = ROOT / 'configs/visionllm/visionllm_tiny_scenes.py'
FIRST = f'''
_base_ = '{TINY}'
train_cfg = dict(max_iters=2)
val_dataloader = val_cfg = val_evaluator = None
'''
SECOND = f'''
_base_ = '{TINY}'
model = dict(init_cfg=dict(
    _delete_=True, type='Pretrained', checkpoint='{{{{ fileDirname }}}}/work_dirs/first/iter_2.pth'))
custom_hooks = [dict(type='PretrainingHook', cache_dir='{{{{ fileDirname }}}}/cache', stages=[
    dict(type='TokenWordAlignment', name='words', steps=1)])]
train_cfg = dict(max_iters=2)
val_dataloader = val_cfg = val_evaluator = None
'''


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recipe')
    (folder / 'first.py').write_text(FIRST)
    (folder / 'second.py').write_text(SECOND)
    runs = [dict(config=str(folder / 'first.py'), minutes=3), dict(config=str(folder / 'second.py'), minutes=5,
                                                                  stage_minutes=dict(words=4))]
    (folder / 'recipe.py').write_text(f'runs = {runs}\nout = {str(folder / "out")!r}\n')
    return folder


def test_before_anything_is_done_the_plan_says_what_was_measured_elsewhere(recipe):
    plan = '\n'.join(Recipe(recipe / 'recipe.py', recipe / 'nothing_yet').plan())
    assert 'first.py: 3 min where it was measured' in plan and 'second.py: 5 min where it was measured' in plan
    assert 'words (TokenWordAlignment): 1 steps, 4 min where it was measured' in plan


def test_a_recipe_is_stopped_and_gone_on_with(recipe, monkeypatch):
    work_dirs = recipe / 'work_dirs'
    stopped = Recipe(recipe / 'recipe.py', work_dirs)
    started = []
    run = subprocess.run

    def fail_at_the_second(command, *args, **kwargs):
        started.append(command[2])
        return run([sys.executable, '-c', 'raise SystemExit(1)'] if len(started) == 2 else command, *args, **kwargs)
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, 'run', fail_at_the_second)
        with pytest.raises(RecipeError, match='second.py .*failed .* the same command goes on from there'):
            stopped.execute()
    plan = '\n'.join(Recipe(recipe / 'recipe.py', work_dirs).plan())
    assert 'first.py: done' in plan and 'second.py: 5 min where it was measured' in plan
    done = run([sys.executable, 'tools/train_recipe.py', str(recipe / 'recipe.py'), '--work-dirs', str(work_dirs)],
               cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    exported = load_local(str(recipe / 'out/model.safetensors'))
    assert len(exported['state_dict']) > 100 and 'first' in exported['meta']['note']
    assert set(json.loads((work_dirs / 'recipe_timings.json').read_text())) == {'first', 'second'}
    assert 'min last time' in '\n'.join(Recipe(recipe / 'recipe.py', recipe / 'elsewhere').plan())  # of the stage


def test_another_config_is_no_recipe():
    with pytest.raises(ConfigError, match='is no recipe: it needs runs='):
        Recipe(TINY)
