"""LVIS's 1,203 names from files to figures, on the tiny size and on scenes that are called by ten of them."""

import itertools
import json
import shutil

import pytest
from mmdet.datasets import LVISV1Dataset

from visionllm.datasets import LVIS_NAMES, SceneDataset
from visionllm.engine import StrictRunner
from visionllm.language import parse_instruction

from ..conftest import load_config

NAMES = LVISV1Dataset.METAINFO['classes']


def as_lvis(scenes, split):
    """The file of some scenes in LVIS's format: shape k is category 100 k, and four others are known to be absent."""
    content = json.loads((scenes / f'annotations/instances_{split}.json').read_text())
    for picture in content['images']:
        picture.update(coco_url=f'http://images/{split}/{picture.pop("file_name")}', neg_category_ids=[7, 8, 9, 10],
                       not_exhaustive_category_ids=[])
    for thing in content['annotations']:
        thing['category_id'] *= 100
    content['categories'] = [dict(id=i + 1, name=name, frequency='rcf'[i % 3]) for i, name in enumerate(NAMES)]
    return content


@pytest.fixture(scope='module')
def lvis(tmp_path_factory):
    """A folder laid out as LVIS's, with two pictures a split."""
    folder, scenes = tmp_path_factory.mktemp('lvis'), tmp_path_factory.mktemp('scenes')
    (folder / 'annotations').mkdir()
    for split, ours in dict(train='train', val='test').items():
        SceneDataset(data_root=f'{scenes}/', split=ours, num_images=2, seed=0, pipeline=[])
        shutil.copytree(scenes / 'images' / ours, folder / ours)
        (folder / f'annotations/lvis_v1_{split}.json').write_text(json.dumps(as_lvis(scenes, ours)))
    return folder


@pytest.fixture
def runner(lvis, tmp_path, monkeypatch):
    """The tiny model with the data of the LVIS config."""
    monkeypatch.setenv('VISIONLLM_LVIS', str(lvis))
    cfg, data = (load_config(f'configs/visionllm/visionllm_{name}.py')
                 for name in ('tiny_scenes', 'r50_32xb1-50e_stage1_lvis'))
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'):
        cfg[key] = data[key]
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False, batch_size=2)
    for dataset in (cfg.train_dataloader.dataset.dataset, cfg.test_dataloader.dataset):
        next(step for step in dataset.pipeline if step.type == 'Resize').scale = (128, 128)
    cfg.update(work_dir=str(tmp_path), max_iters=2, val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    return StrictRunner.from_cfg(cfg)


def test_a_step_names_80_classes_with_those_that_were_looked_for(runner):
    batches = itertools.islice(runner.build_dataloader(runner.cfg.train_dataloader), 5)
    named = [parse_instruction(batch['data_samples'][0].instruction).class_names for batch in batches]
    absent = set(LVIS_NAMES[6:10])
    assert all(len(names) <= 80 and absent <= set(names) for names in named)
    assert max(map(len, named)) == 80 and len(set().union(*named)) > 200


def test_trained_and_tested_on_all_names(runner):
    runner.train()
    figures = runner.test()
    assert {'lvis/bbox_AP', 'lvis/bbox_APr', 'lvis/bbox_APc', 'lvis/bbox_APf'} <= set(figures)
    assert all(0 <= value <= 100 for value in figures.values())
