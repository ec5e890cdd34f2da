import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.datasets import ReferringDataset
from visionllm.datasets.box_relations import area, center
from visionllm.datasets.coco_expressions import (
    MIN_AREA,
    RELATION_WORDINGS,
    WORDINGS,
    Expression,
    expressions,
    generate_expressions,
    put_into_words,
)

NAMES = ['dog', 'cat', 'person']
MIRROR = {'left': 'right', 'right': 'left', 'left of': 'right of', 'right of': 'left of'}
units = st.integers(0, 99)


@st.composite
def objects(draw):
    corners = draw(st.lists(st.tuples(units, units, units, units), min_size=1, max_size=9))
    boxes = [(min(x1, x2) / 100, min(y1, y2) / 100, (max(x1, x2) + 1) / 100, (max(y1, y2) + 1) / 100)
             for x1, y1, x2, y2 in corners]
    return [draw(st.sampled_from(NAMES)) for _ in boxes], boxes


@given(objects())
def test_an_expression_is_true_of_its_object_alone(scene):
    names, boxes = scene
    for each in expressions(names, boxes):
        own = boxes[each.index]
        others = [box for i, box in enumerate(boxes) if i != each.index and names[i] == names[each.index]]
        x, y = center(own)
        xs, ys, areas = [center(b)[0] for b in others], [center(b)[1] for b in others], [area(b) for b in others]
        slots = dict(each.slots)
        assert area(own) >= MIN_AREA
        if each.kind == 'only':
            assert not others
        elif each.kind in ('left', 'top'):
            assert all((x if each.kind == 'left' else y) < other for other in (xs if each.kind == 'left' else ys))
        elif each.kind in ('right', 'bottom'):
            assert all((x if each.kind == 'right' else y) > other for other in (xs if each.kind == 'right' else ys))
        elif each.kind == 'middle':
            assert min(xs) < x < max(xs) and len(xs) == 2
        elif each.kind == 'largest':
            assert all(area(own) > other for other in areas)
        elif each.kind == 'smallest':
            assert all(area(own) < other for other in areas)
        elif each.kind == 'ordinal':
            before = sum(other < x if slots['side'] == 'left' else other > x for other in xs)
            assert before == dict(second=1, third=2)[slots['ordinal']]
        else:
            assert each.kind == 'relation' and names.count(slots['anchor']) == 1


@given(objects())
def test_in_a_mirror_left_is_right(scene):
    names, boxes = scene
    mirrored = [(round(1 - x2, 2), y1, round(1 - x1, 2), y2) for x1, y1, x2, y2 in boxes]
    def exchange(each):
        return Expression(each.index, MIRROR.get(each.kind, each.kind),
                          tuple((slot, MIRROR.get(value, value)) for slot, value in each.slots))
    clear = [b for b in boxes if all(abs(center(a)[0] - center(b)[0]) > 0.1 for a in boxes if a != b)]
    if len(clear) == len(boxes):  # rounding must not decide
        assert set(map(exchange, expressions(names, boxes))) == set(expressions(names, mirrored))


def test_wordings_of_tests_are_no_wordings_of_training():
    for table in (WORDINGS, RELATION_WORDINGS):
        for training, test in table.values():
            assert not set(training) & set(test)
    rng = np.random.default_rng(0)
    second = Expression(0, 'ordinal', (('ordinal', 'second'), ('side', 'left')))
    texts = [{put_into_words(second, 'person', held_out, rng) for _ in range(50)} for held_out in (False, True)]
    assert not texts[0] & texts[1] and 'the second person from the left' in texts[0]
    assert 'the second of the people, from the left' in texts[1]


@pytest.mark.parametrize('held_out', [False, True])
def test_the_dataset_reads_the_generated_file(tmp_path, held_out):
    boxes = dict(dog=[[0, 0, 30, 30], [60, 60, 30, 30]], cat=[[35, 30, 20, 20]])
    annotations = [dict(id=i, image_id=3, category_id=NAMES.index(name) + 1, bbox=box, area=1, iscrowd=0)
                   for i, (name, box) in enumerate([(n, b) for n, each in boxes.items() for b in each], 10)]
    content = dict(images=[dict(id=3, file_name='3.jpg', height=100, width=100)], annotations=annotations,
                   categories=[dict(id=k + 1, name=name) for k, name in enumerate(NAMES)])
    (tmp_path / '3.jpg').touch()
    (tmp_path / 'instances_x.json').write_text(json.dumps(content))
    made = generate_expressions(content, held_out)
    (tmp_path / 'expressions_x.json').write_text(json.dumps(made))
    dataset = ReferringDataset('expressions_x.json', data_root=str(tmp_path), with_other_objects=True)
    assert len(dataset) == len(made['annotations']) > 4
    for sample, record in zip(dataset, made['annotations']):
        own = [each['bbox'] for each in sample['instances'] if not each['ignore_flag']]
        x, y, width, height = annotations[record['ann_id'] - 10]['bbox']
        assert own == [[x, y, x + width, y + height]] and sample['expression'] == record['expression']
    written = ReferringDataset('instances_x.json', data_root=str(tmp_path), test_mode=held_out)
    assert [each['expression'] for each in written] == [each['expression'] for each in dataset]


def test_a_class_with_a_crowd_is_not_spoken_of():
    crowd = dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 50, 50], iscrowd=1)
    dogs = [dict(id=2 + i, image_id=1, category_id=1, bbox=[40 * i, 40, 30, 30], iscrowd=0) for i in range(2)]
    content = dict(images=[dict(id=1, height=100, width=100)], annotations=[crowd, *dogs],
                   categories=[dict(id=1, name='dog')])
    assert not generate_expressions(content)['annotations']
    content['annotations'] = dogs
    assert generate_expressions(content)['annotations']
