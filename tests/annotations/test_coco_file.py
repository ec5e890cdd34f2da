"""Every fault of an annotation file is one sentence with a record and a remedy; what it implies is derived."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as mask_utils

from visionllm.annotations import AnnotationError, read_coco_file
from visionllm.annotations.coco_file import check_content
from visionllm.annotations.coco_masks import runs_of
from visionllm.annotations.findings import Findings

from ..images import write_images

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
FILLED = mask_utils.encode(np.asfortranarray(np.ones((80, 100), np.uint8)))['counts'].decode()


def valid():
    """Two images, two classes, three objects; one with polygons, one with a run-length code, one without a mask."""
    return dict(
        images=[dict(id=1, file_name='a.jpg', width=100, height=80),
                dict(id=2, file_name='b.jpg', width=60, height=90)],
        categories=[dict(id=3, name='cat'), dict(id=5, name='dog')],
        annotations=[
            dict(id=7, image_id=1, category_id=3, bbox=[10, 10, 20, 20], area=400, iscrowd=0,
                 segmentation=[list(SQUARE)]),
            dict(id=8, image_id=1, category_id=5, bbox=[0, 0, 100, 80], area=8000, iscrowd=0,
                 segmentation=dict(size=[80, 100], counts=FILLED)),
            dict(id=9, image_id=2, category_id=5, bbox=[5.5, 5, 30, 40], area=1200, iscrowd=0)])


def read(folder, content, with_images=True):
    if with_images:
        write_images(folder, [image for image in valid()['images']])
    (folder / 'a.json').write_text(content if isinstance(content, str) else json.dumps(content))
    return read_coco_file(folder / 'a.json', folder)


def changed(part, index, **values):
    content = valid()
    content[part][index].update(values)
    return content


def without(part, index, *keys):
    content = valid()
    for key in keys:
        del content[part][index][key]
    return content


def test_a_valid_file_is_read_as_it_is(tmp_path):
    assert read(tmp_path, valid()) == valid()


@pytest.mark.parametrize('content, message', [
    (json.dumps(valid())[:200], 'is not JSON: .*Is it complete'),
    ('{"images": [], "annotations": []}', 'lists images, annotations and categories'),
    ('[]', 'lists images, annotations and categories'),
    (changed('images', 0, id='x'), r'without an id that is a whole number: 1 \(the first is image x \(a.jpg'),
    (changed('images', 0, id=-3), 'without an id'),
    (changed('images', 0, id='9' * 5000), 'without an id'),
    (changed('images', 0, id=1e300), 'without an id'),
    (changed('images', 1, id=1), r'images with the id of another one: 1 \(the first is image 1 \(b.jpg'),
    (changed('images', 1, file_name='c.jpg'), r'images that are not in .*: 1 \(the first is image 2 \(c.jpg'),
    (changed('images', 1, width=90, height=60), 'width and height are exchanged'),
    (changed('images', 1, width=120, height=180), 'of another size than annotated'),
    (changed('images', 1, width=0), 'without a width and height'),
    (changed('categories', 1, id=3), r'categories with the id of another one: 1 \(the first is category 3 \(dog'),
    (changed('categories', 1, name='cat '), 'categories with the name of another one'),
    (changed('categories', 1, name='<image>'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name='the "dog"'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name='(text)'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name='(c, x1)'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name='<|im_end|>'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name='[SEP]'), 'name cannot be part of an instruction'),
    (changed('categories', 1, name=5), 'name cannot be part of an instruction'),
    (changed('annotations', 1, id=7), r'annotations with the id of another one: 1 \(the first is annotation 7\)'),
    (changed('annotations', 1, id='x'), 'annotations whose id is not a whole number'),
    (changed('annotations', 1, image_id=4), r'an image that is not in the file: 1 \(the first is annotation 8\)'),
    (changed('annotations', 1, category_id=4), 'a category that is not in the file'),
    (changed('annotations', 1, category_id='dog'), 'a category that is not in the file.*not its name'),
    (changed('annotations', 1, bbox=[1, 2, 3]), 'bbox is not four finite numbers'),
    (changed('annotations', 1, bbox=[1, 2, 3, math.nan]), 'bbox is not four finite numbers'),
    (changed('annotations', 1, bbox=['1', 2, 3, 4]), 'bbox is not four finite numbers'),
    (without('annotations', 2, 'bbox'), 'bbox is not four finite numbers'),
    (changed('annotations', 0, segmentation=[SQUARE[:-1]]), 'segmentation is neither'),
    (changed('annotations', 0, segmentation='square'), 'segmentation is neither'),
    (changed('annotations', 1, segmentation=dict(size=[100, 80], counts=FILLED)), 'segmentation is neither'),
    (changed('annotations', 1, segmentation=dict(size=[80, 100], counts=FILLED + '1')), 'segmentation is neither'),
    (changed('annotations', 1, segmentation=dict(size=[80, 100], counts=[0, 100])), 'segmentation is neither'),
    (changed('annotations', 1, segmentation=dict(size=[80, 100])), 'segmentation is neither'),
    (changed('annotations', 1, iscrowd=2), 'iscrowd is neither 0 nor 1'),
    (changed('annotations', 1, keypoints=[1, 2]), None),
    ({**valid(), 'annotations': [dict(ann, bbox=[0.1, 0.1, 0.5, 0.5]) for ann in valid()['annotations']]},
     'boxes in 0 to 1: 3'),
    ({**valid(), 'annotations': [dict(ann, bbox=[50, 50, 60, 78]) for ann in valid()['annotations']]},
     'fit as corners'),
    ({**valid(), 'annotations': [*valid()['annotations'], 'x']}, 'entries that are not records'),
])
def test_a_fault_is_one_sentence(tmp_path, content, message):
    if message is None:  # no category has keypoints
        return read(tmp_path, content)
    with pytest.raises(AnnotationError, match=message) as raised:
        read(tmp_path, content)
    assert str(tmp_path / 'a.json') in str(raised.value) and '\n' not in str(raised.value)


@pytest.mark.parametrize('content', [
    changed('images', 0, id=1.0), changed('images', 0, id='1'), changed('images', 0, width='100'),
    without('images', 0, 'width', 'height'), changed('images', 0, file_name='.\\a.jpg'),
    changed('images', 0, file_name='A.JPG'), changed('images', 0, file_name='%61.jpg'),
    changed('categories', 0, name=' cat '), changed('annotations', 0, category_id='3'),
    changed('annotations', 0, image_id=1.0), without('annotations', 0, 'area'), changed('annotations', 0, area=0),
    without('annotations', 0, 'iscrowd'), without('annotations', 0, 'area', 'iscrowd', 'bbox'),
    changed('annotations', 0, segmentation=SQUARE),
    changed('annotations', 0, segmentation=np.reshape(SQUARE, (-1, 2)).tolist()),
    changed('annotations', 0, segmentation=[np.reshape(SQUARE, (-1, 2)).tolist()]),
    changed('annotations', 2, segmentation=None), changed('annotations', 2, segmentation=[]),
    changed('annotations', 1, segmentation=dict(counts=FILLED)),
    '\ufeff' + json.dumps(valid()),
])
def test_what_is_implied_is_derived(tmp_path, content):
    read_content = read(tmp_path, content)
    for image in read_content['images']:
        image['file_name'] = Path(image['file_name']).name
    assert read_content == valid()


def test_repairs_are_counted_in_one_line(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('visionllm.annotations.findings.print_log', lambda text, *_, **__: lines.append(text))
    content = valid()
    for ann in content['annotations']:
        del ann['area'], ann['id']
    content['annotations'][2]['bbox'] = [200, 5, 30, 40]
    read(tmp_path, content)
    assert len(lines) == 1 and 'areas are computed: 3' in lines[0] and 'without an id are numbered: 3' in lines[0]
    assert 'outside their image are skipped in training: 1 (the first is annotation 3)' in lines[0]


def test_keypoints_are_counted_and_none_is_labelled_where_there_are_none(tmp_path):
    content = valid()
    content['categories'][1]['keypoints'] = ['nose', 'left_eye']
    content['annotations'][1]['keypoints'] = [4, 5, 2, 0, 0, 0]
    found = read(tmp_path, content)['annotations']
    assert found[1]['num_keypoints'] == 1 and found[2]['keypoints'] == [0] * 6 and found[2]['num_keypoints'] == 0
    assert 'keypoints' not in found[0]


def test_a_turned_image_must_be_annotated_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_images(tmp_path, valid()['images'])
    Image.new('L', (100, 80)).save(tmp_path / 'a.jpg', exif=exif)
    with pytest.raises(AnnotationError, match=r'exchanged.*turned \(EXIF\).*image 1 \(a.jpg'):
        read_coco_file(write(tmp_path), tmp_path)


def write(folder):
    (folder / 'a.json').write_text(json.dumps(valid()))
    return folder / 'a.json'


@given(st.integers(1, 12), st.integers(1, 12), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_run_lengths_are_those_of_pycocotools(height, width, random):
    mask = np.asfortranarray([[random.random() < 0.4 for _ in range(width)] for _ in range(height)], np.uint8)
    runs = runs_of(mask_utils.encode(mask)['counts'].decode())
    assert runs.sum() == height * width and runs[1::2].sum() == mask.sum()
    assert (mask == np.repeat(np.arange(len(runs)) % 2, runs).reshape(width, height).T).all()


JSON = st.recursive(st.none() | st.booleans() | st.integers(-2**40, 2**40) | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
                    max_leaves=6)


def places(value, path=()):
    """Paths to all values of nested lists and dicts."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_keypoints():
    content = valid()
    content['categories'][1]['keypoints'] = ['nose', 'left_eye']
    content['annotations'][1]['keypoints'] = [4, 5, 2, 0, 0, 0]
    return content


PLACES = [path for path in places(with_keypoints()) if path]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.none() | JSON.map(lambda value: [value])),
                min_size=1, max_size=3))
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_damage_is_one_error_or_loses_nothing(damages):
    """A damage removes a value (None) or replaces it."""
    content = with_keypoints()
    damaged = set()
    for path, replacement in damages:
        inner = content
        try:
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # it was in what another damage has replaced
        if replacement is None:
            del inner[path[-1]]
        else:
            inner[path[-1]] = copy.deepcopy(replacement[0])
        damaged.add(path[:2])
    findings = Findings()
    try:
        read_content = check_content('a.json', copy.deepcopy(content), findings)
        findings.raise_faults('a.json')
    except AnnotationError:
        return
    assert len(read_content['annotations']) == len(content['annotations'])
    if ('images',) in damaged or ('categories',) in damaged or ('annotations',) in damaged:
        return
    if any(path[0] == 'annotations' for path in damaged):
        return
    before = {ann['id']: (ann['image_id'], ann['category_id'], ann['bbox']) for ann in valid()['annotations']}
    assert {ann['id']: (ann['image_id'], ann['category_id'], ann['bbox'])
            for ann in read_content['annotations']} == before


@pytest.mark.parametrize('content', [
    changed('annotations', 0, segmentation=[[0, 0, 2**40, 0, 2**40, 2**40]], area=None),
    changed('annotations', 0, segmentation=[[-1e9, 0, 10, 0, 10, 10]], area=None),
    changed('images', 0, width=2**40, height=2**40)])
def test_places_far_away_do_not_fill_the_memory(content):
    findings = Findings()
    check_content('a.json', content, findings)
    assert findings.faults()
