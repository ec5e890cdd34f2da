import json
import time

import numpy as np
import pytest

from visionllm.datasets import SceneDataset
from visionllm.datasets.scene_files import write_coco_folder
from visionllm.datasets.scene_language import RELATIONS, captions, center, expressions, questions
from visionllm.datasets.scenes import SHAPES, draw_scene, scene_rng, unit_polygon


def test_a_scene_depends_on_seed_and_index_alone():
    one, again, other = draw_scene(3, 7), draw_scene(3, 7), draw_scene(3, 8)
    assert np.array_equal(one.image, again.image) and not np.array_equal(one.image, other.image)


@pytest.mark.parametrize('shape', SHAPES)
def test_polygons_are_valid_and_fit_the_unit_circle(shape):
    polygon = unit_polygon(shape)
    assert polygon.is_valid and polygon.area > 0.3
    assert np.hypot(*np.asarray(polygon.exterior.coords).T).max() < 1.35


def test_boxes_and_polygons_are_of_the_visible_part():
    for index in range(40):
        scene = draw_scene(0, index)
        for number, obj in enumerate(scene.objects):
            assert obj.visible.area >= 0.44 * obj.polygon.area
            for nearer in scene.objects[number + 1:]:
                assert obj.visible.intersection(nearer.polygon).area < 1e-6
            x1, y1, x2, y2 = obj.box
            assert -1 <= x1 < x2 <= 129 and -1 <= y1 < y2 <= 129


def test_a_thousand_images_are_drawn_in_a_minute():
    start = time.perf_counter()
    for index in range(40):
        draw_scene(1, index)
    assert 40 / (time.perf_counter() - start) * 60 > 1000


def test_texts_are_true():
    for index in range(60):
        scene = draw_scene(5, index)
        rng = scene_rng(5, index, stream=1)
        assert all(obj.shape in text for text in captions(scene, rng) for obj in scene.objects)
        for text, which, relation in expressions(scene, rng):
            obj = scene.objects[which]
            assert obj.shape in text
            used = [name for name in RELATIONS if f' {name} ' in text]
            assert bool(used) == relation
            if relation:
                fitting = [o for o in scene.objects if o.shape == obj.shape]
                assert len(fitting) > 1  # the shape is not unique
        for question, answer, kind in questions(scene, rng):
            if kind == 'where':
                obj = next(o for o in scene.objects if o.shape in question)
                assert ('left' in answer) == (center(obj)[0] < 64)


def test_folder_is_coco_and_written_once(tmp_path):
    target = write_coco_folder(tmp_path, 'train', 5, seed=2)
    content = json.loads(target.read_text())
    assert len(content['images']) == 5 and [c['name'] for c in content['categories']] == list(SHAPES)
    stamp = target.stat().st_mtime_ns
    assert write_coco_folder(tmp_path, 'train', 5, seed=2).stat().st_mtime_ns == stamp
    for name in ('captions', 'expressions', 'questions'):
        assert json.loads((tmp_path / f'annotations/{name}_train.json').read_text())['annotations']
    dataset = SceneDataset(str(tmp_path), 'train', 5, 2, pipeline=[])
    assert len(dataset) == 5 and dataset.get_data_info(0)['text'] == SHAPES
