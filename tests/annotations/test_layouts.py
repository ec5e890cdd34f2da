"""COCO, YOLO, Pascal VOC and LabelMe: what is written is read again, and damage is told."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from visionllm.annotations import AnnotationError
from visionllm.annotations.files import read_json
from visionllm.annotations.sets import find_sets
from visionllm.apis.data_conversion import convert_data
from visionllm.datasets.referring_files import read_content

from ..images import write_images
from .test_coco_file import SQUARE

HOLE = [50, 50, 60, 50, 60, 70]
LAYOUTS = ('coco', 'yolo', 'voc', 'labelme')


def write_coco(folder: Path) -> Path:
    """Two images in folders, three objects with masks, one of two polygons, and a crowd."""
    images = [dict(id=4, file_name='x/a.png', width=100, height=80),
              dict(id=2, file_name='y/a.png', width=60, height=90)]
    annotations = [
        dict(id=1, image_id=4, category_id=9, bbox=[10, 10, 20, 20], area=400, iscrowd=0, segmentation=[SQUARE]),
        dict(id=2, image_id=4, category_id=3, bbox=[10, 10, 50, 60], area=500, iscrowd=0, segmentation=[SQUARE, HOLE]),
        dict(id=3, image_id=2, category_id=9, bbox=[50, 50, 10, 20], area=100, iscrowd=0, segmentation=[HOLE]),
        dict(id=5, image_id=2, category_id=9, bbox=[0, 0, 60, 90], area=5400, iscrowd=1,
             segmentation=dict(size=[90, 60], counts=[0, 5400]))]
    content = dict(images=images, annotations=annotations,
                   categories=[dict(id=3, name='hot dog'), dict(id=9, name='cat')])
    (folder / 'annotations').mkdir(parents=True)
    write_images(folder / 'train', images)
    (folder / 'annotations/instances_train.json').write_text(json.dumps(content))
    return folder


def objects_of(folder: Path, crowds: bool = False) -> list[tuple]:
    """Size of the image, class and rounded box of each object."""
    found = []
    for each in find_sets(folder):
        each.findings.raise_faults(each.name)
        images = {image['id']: image for image in each.content['images']}
        names = {category['id']: category['name'] for category in each.content['categories']}
        found += [(images[ann['image_id']]['width'], names[ann['category_id']], *map(round, ann['bbox']))
                  for ann in each.content['annotations'] if crowds or not ann['iscrowd']]
    return sorted(found)


@pytest.mark.parametrize('through', LAYOUTS)
def test_objects_survive_any_layout(tmp_path, through):
    source = write_coco(tmp_path / 'source')
    told = convert_data(source, tmp_path / 'there', through)
    expected = objects_of(source)
    if through == 'yolo':  # one polygon an object
        expected = [(100, 'hot dog', 10, 10, 20, 20) if name == 'hot dog' else (width, name, *box)
                    for width, name, *box in expected]
    assert objects_of(tmp_path / 'there') == expected
    convert_data(tmp_path / 'there', tmp_path / 'back', 'coco')
    assert objects_of(tmp_path / 'back') == expected
    assert ('1 crowds are left out' in told) == (through != 'coco')
    assert ('1 objects of several polygons' in told) == (through == 'yolo')
    assert ('3 masks are left out' in told) == (through == 'voc')


def test_masks_survive_where_there_are_polygons(tmp_path):
    source = write_coco(tmp_path / 'source')
    convert_data(source, tmp_path / 'there', 'labelme')
    each, = find_sets(tmp_path / 'there')
    masks = sorted(ann['segmentation'] for ann in each.content['annotations'])
    assert masks == [[SQUARE], [SQUARE, HOLE], [HOLE]]


def test_what_lies_there_is_not_overwritten_and_faults_are_not_converted(tmp_path):
    source = write_coco(tmp_path / 'source')
    with pytest.raises(AnnotationError, match='is not empty'):
        convert_data(source, source, 'yolo')
    shutil.rmtree(source / 'train/x')
    with pytest.raises(AnnotationError, match=r'images that are not in .*x/a.png'):
        convert_data(source, tmp_path / 'there', 'yolo')


def test_one_set_is_divided(tmp_path):
    source = write_coco(tmp_path / 'source')
    (source / 'annotations/instances_train.json').rename(source / 'annotations/instances_default.json')
    (source / 'train').rename(source / 'default')
    assert 'This is one set' in convert_data(source, tmp_path / 'whole', 'voc')
    convert_data(source, tmp_path / 'halves', 'coco', val_share=0.5)
    sets = find_sets(tmp_path / 'halves')
    assert [Path(each.name).name for each in sets] == ['instances_train.json', 'instances_val.json']
    assert [len(each.content['images']) for each in sets] == [1, 1]
    assert objects_of(tmp_path / 'halves', crowds=True) == objects_of(source, crowds=True)
    with pytest.raises(AnnotationError, match='There are 2 sets already .* --val-share divides one'):
        convert_data(tmp_path / 'halves', tmp_path / 'there', 'coco', val_share=0.5)
    for share in (0.1, 1.0, 2.0, -1.0):
        with pytest.raises(AnnotationError, match='both need some'):
            convert_data(source, tmp_path / 'there', 'coco', val_share=share)


def test_what_is_there_is_said_of_a_file_that_is_not(tmp_path):
    source = write_coco(tmp_path / 'source')
    with pytest.raises(AnnotationError, match='instances_val.json does not exist; .* holds instances_train.json'):
        read_json(source / 'annotations/instances_val.json')
    with pytest.raises(AnnotationError, match=r'does not exist: there is no folder .*/source/b\.'):
        read_json(source / 'b/annotations/instances_val.json')


@pytest.mark.parametrize(('file', 'variable'), [('data/coco/annotations/a.json', 'VISIONLLM_COCO'),
                                                ('data/voc/a.json', 'VISIONLLM_VOC'),
                                                ('data/refcoco/b/refs.p', 'VISIONLLM_REFCOCO')])
def test_the_variable_is_named_whose_default_is_missing(tmp_path, monkeypatch, file, variable):
    monkeypatch.chdir(tmp_path)
    for read in (read_json, read_content):
        with pytest.raises(AnnotationError, match=f'^{file} does not exist: there is no folder data; set the '
                                                  f'environment variable {variable} to the folder of your data.$'):
            read(file)
    with pytest.raises(AnnotationError, match='there is no folder data/own.$'):
        (tmp_path / 'data').mkdir()
        read_json('data/own/a.json')


def test_what_holds_no_annotations_is_said(tmp_path):
    with pytest.raises(AnnotationError, match='holds no annotations: neither COCO'):
        find_sets(tmp_path)
    with pytest.raises(AnnotationError, match='does not exist'):
        find_sets(tmp_path / 'a')


@pytest.mark.parametrize('file, old, new, message', [
    ('labels/train/x_a.txt', '0.', '7.', 'outside 0 to 1'),
    ('labels/train/x_a.txt', '1 0', '5 0', 'data.yaml does not'),
    ('labels/train/x_a.txt', '1 0', 'cat 0', 'neither a class and a box'), ('data.yaml', 'names', 'name', 'no list of'),
    ('data.yaml', 'images/train', 'nowhere', 'which does not exist'), ('data.yaml', 'names:', '{', 'is not YAML')])
def test_faults_of_yolo(tmp_path, file, old, new, message):
    convert_data(write_coco(tmp_path / 'source'), tmp_path / 'there', 'yolo')
    text = (tmp_path / 'there' / file).read_text()
    (tmp_path / 'there' / file).write_text(text.replace(old, new, 1))
    with pytest.raises(AnnotationError, match=message):
        objects_of(tmp_path / 'there')


@pytest.mark.parametrize('layout', ['yolo', 'voc', 'labelme'])
def test_an_image_is_opened_once(tmp_path, monkeypatch, layout):
    convert_data(write_coco(tmp_path / 'source'), tmp_path / 'there', layout)
    opened = []
    monkeypatch.setattr(Image, 'open', lambda path, run=Image.open: opened.append(str(path)) or run(path))
    find_sets(tmp_path / 'there')
    assert len(opened) == 2 == len(set(opened))


@pytest.mark.parametrize('layout, pattern, old, new', [
    ('voc', '**/*.xml', '<width>100</width>', '<width>80</width>'),
    ('labelme', '**/*.json', '"imageWidth": 100', '"imageWidth": 80')])
def test_sizes_of_all_images_are_compared(tmp_path, layout, pattern, old, new):
    convert_data(write_coco(tmp_path / 'source'), tmp_path / 'there', layout)
    file, = [each for each in (tmp_path / 'there').glob(pattern) if old in each.read_text()]
    file.write_text(file.read_text().replace(old, new))
    each, = find_sets(tmp_path / 'there')
    with pytest.raises(AnnotationError, match=r'images of another size than annotated: 1 .*x_a'):
        each.findings.raise_faults(each.name)
    assert len(each.content['images']) == 1 and {ann['image_id'] for ann in each.content['annotations']} == {1}


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """A folder in each layout."""
    folder = tmp_path_factory.mktemp('layouts')
    source = write_coco(folder / 'coco')
    for layout in LAYOUTS[1:]:
        convert_data(source, folder / layout, layout)
    return folder


LABELS = dict(yolo='labels/train/x_a.txt', voc='Annotations/x_a.xml', labelme='train/x_a.json')
VALUES = dict(yolo=r'\S+', voc=r'(?<=>)[^<>\s]+(?=<)', labelme=r'-?\d+\.?\d*|"[^"\n]*"(?!:)')


JUNK = ('', '-1', '7', '1e400', 'nan', 'null', '[]', '"x"', '{', '<', 'é', '0', '99999999999', '<image>', ' ', 'true')
CUT_STEP = 3  # characters


@pytest.mark.parametrize('layout', LABELS)
def test_damage_anywhere_is_one_error_or_loses_no_object(written, layout):
    """Each value in a file of labels is replaced by all kinds of others, and the file is cut at every third place."""
    path = written / layout / LABELS[layout]
    original = path.read_text()
    spans = [match.span() for match in re.finditer(VALUES[layout], original)]
    damaged = [original[:start] + junk + original[end:] for start, end in spans for junk in JUNK]
    damaged += [original[:end] for end in range(0, len(original), CUT_STEP)]
    assert len(damaged) > 300
    try:
        for text in damaged:
            path.write_text(text)
            check_damage(written / layout, text)
    finally:
        path.write_text(original)


def check_damage(folder, text):
    try:
        each, = find_sets(folder)
        each.findings.raise_faults(folder.name)
    except AnnotationError:
        return
    image = next(image['id'] for image in each.content['images'] if image['file_name'].endswith('x_a.png'))
    count = sum(ann['image_id'] == image for ann in each.content['annotations'])
    lines = sum(bool(line.strip()) for line in text.splitlines())
    # 3: parts of one object with another number
    assert count == lines if folder.name == 'yolo' else count in (2, 3), text
