import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from visionllm.datasets import AnnotationError, InstructionCocoDataset, WriteInstruction

from ..images import write_images


def write(folder, boxes, names=('cat',)):
    content = dict(
        images=[dict(id=1, file_name='a.jpg', width=100, height=80)],
        categories=[dict(id=i, name=name) for i, name in enumerate(names)],
        annotations=[dict(id=i, image_id=1, category_id=0, bbox=box, area=box[2] * box[3], iscrowd=0)
                     for i, box in enumerate(boxes)])
    write_images(folder, content['images'])
    (folder / 'a.json').write_text(json.dumps(content))
    return str(folder / 'a.json')


def dataset_of(ann_file, **settings):
    return InstructionCocoDataset(ann_file=ann_file, data_prefix=dict(img=str(Path(ann_file).parent)), pipeline=[],
                                  **settings)


def test_unknown_categories_raise_an_error_with_both_lists(tmp_path):
    path = write(tmp_path, [[0, 0, 10, 10]], ('cat', 'dog'))
    with pytest.raises(AnnotationError, match='cat, dog.*star, moon'):
        dataset_of(path, metainfo=dict(classes=('star', 'moon')))


def test_boxes_outside_the_image_are_skipped_and_counted(tmp_path, monkeypatch):
    log_lines = []
    monkeypatch.setattr('visionllm.annotations.findings.print_log', lambda text, *_, **__: log_lines.append(text))
    path = write(tmp_path, [[0, 0, 10, 10], [200, 10, 20, 20], [-50, 0, 20, 20], [5, 5, 30, 30]])
    dataset = dataset_of(path, metainfo=dict(classes=('cat',)))
    assert len(dataset[0]['instances']) == 2
    assert 'outside their image are skipped in training: 2 (the first is annotation 1)' in log_lines[0]


def test_an_empty_dataset_raises_an_error(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(dict(images=[], annotations=[], categories=[dict(id=0, name='cat')])))
    with pytest.raises(AnnotationError, match='no image'):
        dataset_of(str(tmp_path / 'a.json'), metainfo=dict(classes=('cat',)))


def test_samples_carry_an_instruction_over_the_classes(tmp_path):
    path = write(tmp_path, [[0, 0, 10, 10]], ('cat', 'black dog'))
    dataset = dataset_of(path, metainfo=dict(classes=('cat', 'black dog')))
    text = WriteInstruction()(dataset[0])['instruction']
    assert '{"cat": <c0>, "black dog": <c1>}' in text and '(c, x1, y1, x2, y2)' in text


def test_real_coco(data):
    dataset = InstructionCocoDataset(ann_file=str(data / 'coco-mini/annotations/instances_val2017.json'),
                                     data_prefix=dict(img=str(data / 'coco-mini/val2017')), pipeline=[])
    assert len(dataset) == 100 and len(dataset[0]['text']) == 80


def test_an_object_without_a_mask_is_ignored_where_masks_are_loaded(tmp_path, monkeypatch):
    log_lines = []
    monkeypatch.setattr('visionllm.datasets.coco.print_log', lambda text, *_, **__: log_lines.append(text))
    path = write(tmp_path, [[10, 10, 20, 20], [40, 40, 30, 30]])
    content = json.loads((tmp_path / 'a.json').read_text())
    content['images'].append(dict(id=2, file_name='b.jpg', width=100, height=80))
    content['annotations'].append(dict(content['annotations'][0], id=2, image_id=2))
    content['annotations'][0]['segmentation'] = [[10, 10, 30, 10, 30, 30]]
    (tmp_path / 'a.json').write_text(json.dumps(content))
    settings = dict(ann_file=path, data_prefix=dict(img=str(tmp_path)), metainfo=dict(classes=('cat', )))
    for name in 'ab':
        cv2.imwrite(str(tmp_path / f'{name}.jpg'), np.zeros((80, 100, 3), np.uint8))

    def load(with_mask):
        pipeline = [dict(type='LoadImage'), dict(type='PackInstructionInputs', task='segmentation')]
        pipeline.insert(1, dict(type='LoadAnnotations', with_bbox=True, with_mask=with_mask, poly2mask=False))
        return InstructionCocoDataset(pipeline=pipeline, **settings)[0]['data_samples']
    assert len(load(False).gt_instances) == 2
    sample = load(True)
    assert len(sample.gt_instances) == 1 and len(sample.ignored_instances) == 1
    assert '2 of 3 objects have no mask' in log_lines[-1]
    dataset = InstructionCocoDataset(pipeline=[], with_masks_only=True, **settings)
    assert [sample['img_id'] for sample in dataset] == [1]
    content['annotations'] = content['annotations'][1:]
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match='with_masks_only'):
        InstructionCocoDataset(pipeline=[], with_masks_only=True, **settings)


def test_every_kind_of_mask_becomes_polygons(tmp_path, monkeypatch):
    log_lines = []
    monkeypatch.setattr('visionllm.datasets.coco.print_log', lambda text, *_, **__: log_lines.append(text))
    path = write(tmp_path, [[10, 10, 20, 20]] * 5)
    content = json.loads((tmp_path / 'a.json').read_text())
    square, triangle = [10, 10, 30, 10, 30, 30, 10, 30], [50, 50, 60, 50, 60, 60]
    runs = dict(size=[80, 100], counts=[10 * 80 + 10, 20] + [60, 20] * 19 + [100 * 80 - 10 * 80 - 10 - 80 * 19 - 20])
    masks = [[square, triangle], runs, [[10, 10, 30, 30]], [], [square, [1, 1]]]
    for ann, mask in zip(content['annotations'], masks):
        ann['segmentation'] = mask
    (tmp_path / 'a.json').write_text(json.dumps(content))
    dataset = dataset_of(path, metainfo=dict(classes=('cat',)))
    found = [instance['mask'] for instance in dataset[0]['instances']]
    assert found[0] == [square, triangle] and found[2] == found[4] == [square] and found[3] == []
    (polygon, ) = found[1]
    assert min(polygon) == pytest.approx(10, abs=0.3) and max(polygon) == pytest.approx(30, abs=0.3)
    assert '1 of 5 objects have no mask' in log_lines[-2] and '1 of 5 objects have no polygon' in log_lines[-1]


@pytest.mark.parametrize('order', [('dog', 'cat'), ('cat', 'dog')])
def test_objects_keep_their_names_whatever_the_order_in_the_config(tmp_path, order):
    path = write(tmp_path, [[0, 0, 10, 10], [20, 20, 30, 30]], ('cat', 'dog'))
    content = json.loads(Path(path).read_text())
    content['annotations'][1]['category_id'] = 1
    Path(path).write_text(json.dumps(content))
    sample = dataset_of(path, metainfo=dict(classes=order))[0]
    assert [sample['text'][instance['bbox_label']] for instance in sample['instances']] == ['cat', 'dog']


@pytest.mark.parametrize('names', [('zorb', ), ('zorb', 'person'), ('dog', 'person', 'zorb')])
def test_a_config_without_classes_has_those_of_the_file(tmp_path, names):
    dataset = dataset_of(write(tmp_path, [[0, 0, 10, 10]], names))
    assert dataset.metainfo['classes'] == names and dataset[0]['text'] == names
    assert dataset[0]['text'][dataset[0]['instances'][0]['bbox_label']] == names[0]


def test_an_image_of_another_size_than_annotated_stops_at_load_or_when_it_is_read(tmp_path, monkeypatch):
    path = write(tmp_path, [[0, 0, 10, 10]])
    content = json.loads(Path(path).read_text())
    content['images'][0].update(width=80, height=100)
    Path(path).write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match='width and height are exchanged'):
        dataset_of(path)
    monkeypatch.setattr('visionllm.annotations.image_files.compare_sizes.__defaults__', (0, ))
    dataset = InstructionCocoDataset(ann_file=path, data_prefix=dict(img=str(tmp_path)),
                                     pipeline=[dict(type='LoadImage')])
    with pytest.raises(AnnotationError, match='a.jpg is 100 x 80 pixels, and annotated as 80 x 100'):
        dataset[0]
