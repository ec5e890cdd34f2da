import json

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from shapely.geometry import Point

from visionllm.datasets import AnnotationError, KeypointCocoDataset, WriteInstruction, instruction_collate
from visionllm.datasets.scene_dataset import SceneKeypointDataset
from visionllm.datasets.scene_files import write_coco_folder, write_keypoints
from visionllm.datasets.scenes import KEYPOINT_NAMES, SHAPES, UNIT_KEYPOINTS, draw_scene, unit_polygon
from visionllm.datasets.sides import mirrored_name
from visionllm.language import parse_instruction
from visionllm.language.tasks import PERSON_POINTS

SEED, COUNT = 5, 12


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """A folder of scenes with keypoints, and the time stamps of its other files before these were written."""
    root = tmp_path_factory.mktemp('scenes')
    write_coco_folder(root, 'train', COUNT, SEED)
    before = {path: path.stat().st_mtime_ns for path in root.rglob('*.*')}
    write_keypoints(root, 'train', COUNT, SEED)
    return root, before


def dataset_of(root, *steps, **settings):
    return SceneKeypointDataset(str(root), 'train', COUNT, SEED, pipeline=list(steps), **settings)


def loaded(sample, *steps):
    return Compose([dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True), *steps,
                    dict(type='LoadKeypoints')])(dict(sample))


@pytest.mark.parametrize('shape', SHAPES)
def test_keypoints_lie_on_the_contour_where_their_names_say(shape):
    polygon = unit_polygon(shape)
    for name, (x, y) in UNIT_KEYPOINTS[shape].items():
        assert polygon.exterior.distance(Point(x, y)) < 0.01
        assert ('left' in name) == (x < -0.01) and ('right' in name) == (x > 0.01)
        assert 'top' not in name or y < 0
        assert 'bottom' not in name or y > 0


def test_the_file_is_in_coco_format_and_no_other_file_is_rewritten(scenes):
    root, before = scenes
    content = json.loads((root / 'annotations/keypoints_train.json').read_text())
    assert content['categories'][3]['keypoints'] == [name.replace(' ', '_') for name in KEYPOINT_NAMES]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    objects = [(obj, scene.objects[number + 1:]) for scene in (draw_scene(SEED, i) for i in range(COUNT))
               for number, obj in enumerate(scene.objects)]
    assert len(objects) == len(content['annotations'])
    flags = set()
    for ann, (obj, nearer) in zip(content['annotations'], objects):
        points = dict(zip(KEYPOINT_NAMES, np.reshape(ann['keypoints'], (-1, 3))))
        assert ann['num_keypoints'] == len(obj.keypoints) == sum(v > 0 for *_, v in points.values())
        for name, (x, y, v) in points.items():
            assert (v == 0) == (name not in obj.keypoints)
            if v:
                assert (x, y) == pytest.approx(obj.keypoints[name], abs=0.01)
                assert (v == 1) == any(other.polygon.contains(Point(obj.keypoints[name])) for other in nearer)
            flags.add(v)
    assert flags == {0, 1, 2}


@pytest.mark.parametrize('direction, origin, factor', [
    ('horizontal', (256, 0), (-2, 2)), ('vertical', (0, 256), (2, -2)), ('diagonal', (256, 256), (-2, -2))])
def test_keypoints_follow_resize_and_flip(scenes, direction, origin, factor):
    for sample in dataset_of(scenes[0]):
        plain = loaded(sample)['gt_keypoints']
        turned = loaded(sample, dict(type='Resize', scale=(256, 256)),
                        dict(type='RandomFlip', prob=1.0, direction=direction))
        there = turned['gt_keypoints']
        for k, name in enumerate(KEYPOINT_NAMES):
            other = there[:, KEYPOINT_NAMES.index(mirrored_name(name, direction))]
            assert (other[:, 2] == plain[:, k, 2]).all()
            seen = plain[:, k, 2] > 0
            assert np.allclose(other[seen, :2], origin + plain[seen, k, :2] * factor, atol=1e-3)


def test_training_draws_a_random_selection_of_keypoints(scenes):
    dataset = dataset_of(scenes[0], dict(type='LoadImage'), dict(type='LoadAnnotations', with_bbox=True),
                         dict(type='LoadKeypoints'), dict(type='PackInstructionInputs', task='keypoints'))
    orders = set()
    for _ in range(8):
        samples = instruction_collate([dataset[i] for i in range(4)])['data_samples']
        point_names = parse_instruction(samples[0].instruction).output_format.point_names
        orders.add(point_names)
        for sample in samples:
            points, keypoints = sample.gt_instances.points, sample.gt_instances.keypoints
            for n, name in enumerate(point_names):
                truth = keypoints[:, KEYPOINT_NAMES.index(name)]
                known = truth[:, 2] > 0
                assert torch.equal(points[known, n], truth[known, :2]) and points[~known, n].isnan().all()
    assert len(orders) > 4 and len({len(order) for order in orders}) > 1


def test_testing_asks_for_the_given_keypoints(scenes):
    info = dataset_of(scenes[0]).get_data_info(0)
    for points, expected in ((None, KEYPOINT_NAMES), (['left', 'top'], ('left', 'top'))):
        text = WriteInstruction('keypoints', point_names=points)(dict(info))['instruction']
        assert parse_instruction(text).output_format.point_names == expected


def people(data, split):
    return KeypointCocoDataset(ann_file=str(data / f'coco-mini/annotations/person_keypoints_{split}2017.json'),
                               data_prefix=dict(img=str(data / f'coco-mini/{split}2017')), pipeline=[],
                               metainfo=dict(classes=('person', )))


def test_real_people_have_cocos_points(data):
    shown = 0
    for split in ('train', 'val'):
        dataset = people(data, split)
        assert dataset[0]['point_names'] == PERSON_POINTS
        for sample in dataset:
            points = np.reshape([instance['keypoints'] for instance in sample['instances']], (-1, 17, 3))
            shown += (points[..., 2] > 0).any(1).sum()
            assert len(sample['text']) == 1
    assert shown == 108


@pytest.mark.parametrize('broken, reason', [
    (lambda content: content['categories'][0].pop('keypoints'), 'or none; every category'),
    (lambda content: content['categories'][0].update(
        keypoints=content['categories'][0]['keypoints'][::-1]), '2 different lists of keypoints'),
    (lambda content: content['annotations'][0].update(keypoints=[1, 2, 2]), 'another number of.*annotation 1'),
])
def test_bad_lists_of_keypoints_raise_an_error(scenes, tmp_path, broken, reason):
    content = json.loads((scenes[0] / 'annotations/keypoints_train.json').read_text())
    broken(content)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match=reason):
        KeypointCocoDataset(ann_file=str(tmp_path / 'a.json'), pipeline=[],
                            data_prefix=dict(img=str(scenes[0] / 'images/train')),
                            metainfo=dict(classes=SHAPES))
