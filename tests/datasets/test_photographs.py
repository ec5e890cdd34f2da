"""Augmentation of photographs: boxes stay on their objects, and the seed of a run decides what is drawn."""

from functools import cache

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmdet.registry import TRANSFORMS
from mmengine.runner import Runner

from visionllm.datasets import SeededAlbu
from visionllm.datasets.seeded_sampling import seed_all
from visionllm.language import parse_instruction

from ..conftest import load_config

CONFIG = 'configs/_base_/datasets/photographs.py'
BLUR = 3  # pixels by which blur, compression and rounding may move an edge


@cache
def pipeline():
    """The config's augmentation, of a picture that is loaded already."""
    steps = load_config(CONFIG).train_dataloader.dataset.datasets[0].pipeline[1:]
    return Compose([TRANSFORMS.build(step) for step in steps])


def augment(image, boxes, flags=None):
    """An augmented picture ``uint8[H, W, 3]`` and its sample."""
    instances = [dict(bbox=list(box), bbox_label=i, ignore_flag=flag)
                 for i, (box, flag) in enumerate(zip(boxes, flags or [0] * len(boxes)))]
    results = dict(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2], instances=instances,
                   text=('first', 'second'), img_id=1, img_path='')
    packed = pipeline()(results)
    return packed['inputs'].permute(1, 2, 0).numpy(), packed['data_samples']


@st.composite
def pictures(draw):
    """A black picture with a white rectangle, its box, and a seed."""
    height, width = draw(st.integers(60, 700)), draw(st.integers(60, 700))
    x1, y1 = draw(st.integers(0, width - 20)), draw(st.integers(0, height - 20))
    x2, y2 = draw(st.integers(x1 + 12, width)), draw(st.integers(y1 + 12, height))
    image = np.zeros((height, width, 3), np.uint8)
    image[y1:y2, x1:x2] = 255
    return image, (x1, y1, x2, y2), draw(st.integers(0, 2**32))


@settings(max_examples=60)
@given(pictures())
def test_boxes_stay_inside_the_picture_and_on_their_object(picture):
    image, box, seed = picture
    seed_all(seed)
    augmented, sample = augment(image, [box])
    height, width = augmented.shape[:2]
    assert sample.img_shape == (height, width) and max(height, width) in (384, 512, 640)
    scale = max(sample.scale_factor)
    rows, columns = (np.flatnonzero((augmented.mean(-1) > 128).any(axis)) for axis in (1, 0))
    if not len(sample.gt_instances):  # the crop left less than two pixels of it
        assert min(len(rows), len(columns)) <= 2 + BLUR * scale
        return
    (x1, y1, x2, y2), = sample.gt_instances.bboxes.tensor.tolist()
    assert 0 <= x1 < x2 <= width + 1e-3 and 0 <= y1 < y2 <= height + 1e-3
    if min(x2 - x1, y2 - y1) > 4 * BLUR:
        seen = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert np.allclose(seen, (x1, y1, x2, y2), atol=BLUR + scale)


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_ignored_objects_stay_apart(seed):
    seed_all(seed)
    boxes = [(5, 5, 55, 55), (60, 60, 95, 95)]
    _, sample = augment(np.zeros((100, 100, 3), np.uint8), boxes, [0, 1])
    assert set(sample.gt_instances.labels.tolist()) <= {0} and set(sample.ignored_instances.labels.tolist()) <= {1}


def test_a_picture_without_objects_stays_one():
    augmented, sample = augment(np.zeros((100, 80, 3), np.uint8), [])
    assert augmented.shape[2] == 3 and sample.gt_instances.bboxes.tensor.shape == (0, 4)


def test_the_seed_decides_every_draw():
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)

    def drawn(seed):
        seed_all(seed)
        return augment(noise, [(10, 10, 60, 60)])[0]
    pictures = [drawn(seed) for seed in range(8)]
    assert all(np.array_equal(first, drawn(seed)) for seed, first in enumerate(pictures))
    assert len({picture.tobytes() for picture in pictures}) == 8


def test_transforms_are_drawn_independently():
    steps = [dict(type='VerticalFlip', p=0.5), dict(type='HorizontalFlip', p=0.5)]
    albu = SeededAlbu(steps, keymap=dict(img='image'))
    corner = np.zeros((8, 8, 3), np.uint8)
    corner[0, 0] = 255
    found = {tuple(np.argwhere(albu(dict(img=corner.copy()))['img'][..., 0])[0]) for _ in range(50)}
    assert len(found) == 4


def test_boxes_move_with_what_albumentations_moves():
    albu = SeededAlbu([dict(type='HorizontalFlip', p=1.0)], bbox_params=dict(
        type='BboxParams', format='pascal_voc', label_fields=['gt_bboxes_labels', 'gt_ignore_flags']))
    load = TRANSFORMS.build(dict(type='LoadAnnotations', with_bbox=True))
    instances = [dict(bbox=[10, 10, 40, 50], bbox_label=3, ignore_flag=1)]
    results = albu(load(dict(img=np.zeros((90, 120, 3), np.uint8), img_shape=(90, 120), instances=instances)))
    assert torch.allclose(results['gt_bboxes'].tensor, torch.tensor([[80.0, 10, 110, 50]]))
    assert results['gt_bboxes_labels'].tolist() == [3] and results['gt_ignore_flags'].tolist() == [True]


@pytest.fixture
def folders(data, monkeypatch):
    """The config on real photographs: COCO's, and Pascal VOC's with 20 of COCO's names."""
    monkeypatch.setenv('VISIONLLM_COCO', str(data / 'coco-mini'))
    monkeypatch.setenv('VISIONLLM_VOC', str(data / 'voc-384'))
    cfg = load_config(CONFIG)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


def test_instructions_name_what_was_looked_for(folders):
    loader = Runner.build_dataloader(folders.train_dataloader, seed=0)
    looked_for = set(loader.dataset.datasets[1].metainfo['classes'])
    assert len(looked_for) == 20 and {'couch', 'airplane', 'tv'} < looked_for and 'cup' not in looked_for
    batches, named = {True: 0, False: 0}, set()
    for _, batch in zip(range(12), loader):
        samples = batch['data_samples']
        (partial, ) = {'voc-384' in sample.img_path for sample in samples}
        names = set(parse_instruction(samples[0].instruction).class_names)
        assert not partial or names <= looked_for
        named |= set() if partial else names
        batches[partial] += 1
        for sample in samples:
            boxes = sample.gt_instances.bboxes.tensor
            assert (boxes >= 0).all() and (boxes <= torch.tensor(sample.img_shape[::-1]).repeat(2) + 1e-3).all()
    assert min(batches.values()) > 0 and len(named - looked_for) > 20


def test_labels_of_a_partial_file_are_its_own_names(folders):
    part = Runner.build_dataloader(folders.train_dataloader, seed=0).dataset.datasets[1]
    info = next(info for info in map(part.get_data_info, range(10)) if info['img_id'] == 3)
    names = [info['text'][instance['bbox_label']] for instance in info['instances']]
    content = part.COCOAPI(part.ann_file).dataset
    category = {each['id']: each['name'] for each in content['categories']}
    written = [category[ann['category_id']] for ann in content['annotations'] if ann['image_id'] == 3]
    assert sorted(names) == sorted(written) and 'couch' in names


def test_pictures_are_tested_at_their_own_size(folders):
    sample = Runner.build_dataloader(folders.val_dataloader).dataset[0]['data_samples']
    height, width = cv2.imread(sample.img_path).shape[:2]
    assert sample.img_shape == sample.ori_shape == (height, width) and sample.scale_factor == (1.0, 1.0)
