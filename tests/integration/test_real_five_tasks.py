"""Five tasks on real images, COCO's and RefCOCO's own files: trained and tested end to end, too briefly to learn."""

import json
import re

import pytest

from visionllm.apis.inferencer import Inferencer
from visionllm.apis.studies import malformed
from visionllm.apis.study import Study
from visionllm.datasets.coco_questions import generate_questions

from ..conftest import load_config

TINY = 'configs/visionllm/visionllm_tiny_scenes.py'
FIGURES = ('detection/bbox_mAP', 'segmentation/segm_mAP', 'grounding/P@0.5', 'caption/CIDEr', 'answer/accuracy')


@pytest.fixture
def config(data, tmp_path, monkeypatch):
    """The small size's config with the tiny model, on a few pictures."""
    monkeypatch.setenv('VISIONLLM_COCO', str(data / 'coco-mini'))
    monkeypatch.setenv('VISIONLLM_REFCOCO', str(data / 'refcoco/sample'))
    cfg, tiny = load_config('configs/visionllm/visionllm_small_coco-five-tasks.py'), load_config(TINY)
    cfg.model = tiny.model
    cfg.model.refiners = cfg.model.heads.tuples.coordinates.location_prior.mask_branch = None
    cfg.custom_hooks = [dict(type='PretrainingHook', cache_dir=str(tmp_path / 'cache'), stages=[
        dict(type='SceneDescription', name='description', steps=1, dataset_weights=[0, 0, 0, 1, 1]),
        dict(type='TokenWordAlignment', name='words', steps=2)])]
    cfg.param_scheduler, cfg.default_hooks = tiny.param_scheduler, tiny.default_hooks
    cfg.train_cfg.update(max_iters=6, val_interval=7)
    for split in ('train', 'val'):
        asked = tmp_path / f'questions_{split}2017.json'
        objects = data / f'coco-mini/annotations/instances_{split}2017.json'
        asked.write_text(json.dumps(generate_questions(json.loads(objects.read_text()))))
        loader = cfg[f'{split}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.datasets[4].ann_file = str(asked)
        for part in loader.dataset.datasets:
            part.indices = 4
    cfg.train_dataloader.sampler.batch_size = 2
    cfg.train_dataloader.dataset.datasets[2].split = 'testA'  # the sample of the published files has no train split
    cfg.test_dataloader = cfg.val_dataloader
    path = tmp_path / 'real.py'
    cfg.dump(str(path))
    return path


def test_train_and_test_on_all_five(call, config, tmp_path):
    assert call('train', config, '--work-dir', tmp_path).code == 0
    scalars = next(tmp_path.glob('*/vis_data/scalars.json')).read_text().splitlines()
    assert {'loss_cls', 'loss_loc', 'loss_text', 'loss_word'} <= {key for line in scalars for key in json.loads(line)}
    text = call('test', config, tmp_path / 'iter_6.pth', '--work-dir', tmp_path / 'tested').out
    for figure in FIGURES:
        assert re.search(rf'{figure}: +\d', text), figure
    model = Inferencer.from_files(str(config), str(tmp_path / 'iter_6.pth')).model
    for task in ('detection', 'segmentation', 'grounding'):  # random weights say no words
        found = malformed(Study.from_model(model, str(config), task=task))
        assert found['answers'] > 0 and found['malformed'] <= 0.5, (task, found)
