"""The paper's data layout with a published detector: trained, tested and costed from one config, on a few images."""

import json
import re

import pytest

from ..conftest import load_config

CONFIG = 'configs/visionllm/visionllm_deimv2-n_multitask.py'
FIGURES = ('detection/bbox_mAP', 'segmentation/segm_mAP', 'grounding/P@0.5', 'caption/CIDEr')


def link_coco(source, folder):
    """coco-mini under the names of the paper's second stage."""
    (folder / 'annotations').mkdir(parents=True)
    for split in ('train2017', 'val2017'):
        (folder / split).symlink_to(source / split)
    annotations = source / 'annotations'
    (folder / 'annotations/instances_train2017_clean.json').symlink_to(annotations / 'instances_train2017.json')
    (folder / 'annotations/instances_val2017.json').symlink_to(annotations / 'instances_val2017.json')
    images = []
    for split, name in (('train2017', 'train'), ('val2017', 'test')):
        content = json.loads((annotations / f'captions_{split}.json').read_text())
        sentences = {}
        for each in content['annotations']:
            sentences.setdefault(each['image_id'], []).append(dict(raw=each['caption']))
        images += [dict(filepath=split, filename=image['file_name'], cocoid=image['id'], split=name,
                        sentences=sentences[image['id']]) for image in content['images'] if image['id'] in sentences]
    images[1]['split'] = 'restval'
    (folder / 'annotations/dataset_coco.json').write_text(json.dumps(dict(images=images)))
    talks = [dict(id=str(image['cocoid']), image=image['filename'], conversations=[
        {'from': 'human', 'value': 'What is this?\n<image>'}, {'from': 'gpt', 'value': image['sentences'][0]['raw']}])
        for image in images if image['split'] == 'train']
    (folder / 'annotations/llava_instruct_150k.json').write_text(json.dumps(talks))


@pytest.fixture
def config(data, tmp_path, monkeypatch):
    """The config with DEIMv2-Femto, two steps of each stage and a few images."""
    link_coco(data / 'coco-mini', tmp_path / 'coco')
    refcoco = tmp_path / 'refcoco'
    for name, refs in (('refcoco', 'refs(unc).p'), ('refcoco+', 'refs(unc).p'), ('refcocog', 'refs(umd).p')):
        (refcoco / name).mkdir(parents=True)
        (refcoco / name / refs).symlink_to(data / 'refcoco/sample/refs(unc).p')
        (refcoco / name / 'instances.json').symlink_to(data / 'refcoco/sample/instances.json')
    (refcoco / 'images').symlink_to(data / 'refcoco/sample/images')
    monkeypatch.setenv('VISIONLLM_COCO', str(tmp_path / 'coco'))
    monkeypatch.setenv('VISIONLLM_REFCOCO', str(refcoco))
    cfg = load_config(CONFIG)
    cfg.model.connector.detector.source = str(data / 'weights/deimv2-femto-coco')
    for stage in cfg.custom_hooks[0].stages:
        stage.update(steps=2, batch_size=2)
    cfg.model.heads.tuples.score_thr = 0.3  # polygons of what is found alone
    cfg.custom_hooks[0].cache_dir = str(tmp_path / 'cache')
    cfg.train_cfg.update(max_iters=2, val_interval=3)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for part in loader.dataset.datasets:
            part.indices = 2
            if part.type == 'ReferringDataset':
                part.split = 'testA'  # the sample of the published files has no other
    cfg.train_dataloader.sampler.batch_size = 2
    cfg.test_dataloader = cfg.val_dataloader
    cfg.dump(str(tmp_path / 'hub.py'))
    return tmp_path / 'hub.py'


def test_it_is_trained_tested_and_costed(call, config, tmp_path, monkeypatch):
    monkeypatch.setattr('visionllm.apis.cost.schedule_time.MEASURED_STEPS', 2)
    assert call('train', config, '--work-dir', tmp_path / 'work').code == 0
    assert len(list((tmp_path / 'cache').glob('*.pth'))) == 3
    text = call('test', config, tmp_path / 'work/iter_2.pth', '--work-dir', tmp_path / 'tested').out
    for figure in FIGURES:
        assert re.search(rf'{figure}: +\d', text), figure
    costs = call('cost', config).out
    for name in ('referring-expressions-refcoco', 'mask-prediction-coco', 'instruction-tuning-coco', 'training'):
        assert re.search(rf'^{name} +2 +\d+\.\d\d +0\.\d\d$', costs, re.M), name
