import json

import pytest

from visionllm.datasets import AnnotationError, InstructionCocoDataset, WriteInstruction


def write(folder, boxes, names=('cat',)):
    content = dict(
        images=[dict(id=1, file_name='a.jpg', width=100, height=80)],
        categories=[dict(id=i, name=name) for i, name in enumerate(names)],
        annotations=[dict(id=i, image_id=1, category_id=0, bbox=box, area=box[2] * box[3], iscrowd=0)
                     for i, box in enumerate(boxes)])
    (folder / 'a.json').write_text(json.dumps(content))
    return str(folder / 'a.json')


def test_foreign_categories_are_refused_with_both_lists(tmp_path):
    path = write(tmp_path, [[0, 0, 10, 10]], ('cat', 'dog'))
    with pytest.raises(AnnotationError, match='cat, dog.*star, moon'):
        InstructionCocoDataset(ann_file=path, metainfo=dict(classes=('star', 'moon')), pipeline=[])


def test_boxes_outside_are_left_out_and_counted(tmp_path, caplog):
    path = write(tmp_path, [[0, 0, 10, 10], [200, 10, 20, 20], [-50, 0, 20, 20], [5, 5, 30, 30]])
    with caplog.at_level('WARNING'):
        dataset = InstructionCocoDataset(ann_file=path, metainfo=dict(classes=('cat',)), pipeline=[])
    assert len(dataset[0]['instances']) == 2
    assert '2 of 4 boxes' in caplog.text


def test_an_empty_dataset_is_refused(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(dict(images=[], annotations=[], categories=[dict(id=0, name='cat')])))
    with pytest.raises(AnnotationError, match='no picture'):
        InstructionCocoDataset(ann_file=str(tmp_path / 'a.json'), metainfo=dict(classes=('cat',)), pipeline=[])


def test_samples_carry_an_instruction_over_the_classes(tmp_path):
    path = write(tmp_path, [[0, 0, 10, 10]], ('cat', 'black dog'))
    dataset = InstructionCocoDataset(ann_file=path, metainfo=dict(classes=('cat', 'black dog')), pipeline=[])
    text = WriteInstruction()(dataset[0])['instruction']
    assert '{"cat": <c0>, "black dog": <c1>}' in text and '(c, x1, y1, x2, y2)' in text


def test_real_coco_goes_the_same_way(data):
    dataset = InstructionCocoDataset(ann_file=str(data / 'coco-mini/annotations/instances_val2017.json'), pipeline=[])
    assert len(dataset) == 100 and len(dataset[0]['text']) == 80
