"""Predictions in the forms that other tools take."""

import json

import numpy as np
import pytest
from PIL import Image

from visionllm.inference.coco import write_coco
from visionllm.inference.request import Request
from visionllm.visualization import Prediction


def prediction(points=None, parts=None):
    """Two objects on an image of 40 x 60 pixels."""
    boxes = [[10.0, 5.0, 30.0, 25.0], [-3.0, 30.0, 70.0, 39.5]]
    polygons = [[[x1, y1], [x2, y1], [x2, y2], [x1, y2]] for x1, y1, x2, y2 in boxes]
    corners = [[[x1, y1], [x2, y2]] for x1, y1, x2, y2 in boxes]
    return Prediction('a.jpg', Request(classes=['dog', 'cat'], points=points, parts=parts).write(),
                      np.zeros((40, 60, 3), np.uint8), ['cat', 'dog'], [0.9, 0.5], boxes,
                      polygons if points else corners, seconds=0.25)


def text():
    return Prediction('a.jpg', Request(caption=True).write(), np.zeros((40, 60, 3), np.uint8), text='a dog',
                      text_score=0.75)


def test_coco():
    content = prediction(4).to_coco(7, 12)
    assert content['images'] == [dict(id=7, file_name='a.jpg', width=60, height=40)]
    assert content['categories'] == [dict(id=1, name='dog'), dict(id=2, name='cat')]
    cat, dog = content['annotations']
    assert (cat['category_id'], cat['bbox'], cat['area'], cat['image_id']) == (2, [10, 5, 20, 20], 400, 7)
    assert cat['segmentation'] == [[10, 5, 30, 5, 30, 25, 10, 25]] and (cat['id'], dog['id']) == (12, 13)
    assert 'segmentation' not in prediction().to_coco()['annotations'][0]


def test_annotations_of_a_folder_are_numbered_throughout(tmp_path):
    list(write_coco([prediction(4), prediction(4)], tmp_path / 'all.json'))
    annotations = json.loads((tmp_path / 'all.json').read_text())['annotations']
    assert [(each['id'], each['image_id']) for each in annotations] == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_supervision():
    pytest.importorskip('supervision')
    detections = prediction(4).to_supervision()
    assert detections.xyxy.tolist()[0] == [10, 5, 30, 25] and detections.class_id.tolist() == [1, 0]
    assert detections.data['class_name'].tolist() == ['cat', 'dog'] and detections.mask.shape == (2, 40, 60)
    assert detections.mask[0].sum() == 21 * 21 and prediction().to_supervision().mask is None
    nothing = Prediction('a.jpg', Request(classes=['a']).write(), np.zeros((4, 4, 3), np.uint8)).to_supervision()
    assert len(nothing) == 0


def test_dataframe():
    pytest.importorskip('pandas')
    frame = prediction().to_dataframe()
    assert list(frame.columns) == ['image', 'name', 'score', 'x1', 'y1', 'x2', 'y2'] and len(frame) == 2
    assert frame.iloc[0].tolist() == ['a.jpg', 'cat', 0.9, 10, 5, 30, 25]


def test_json_is_one_line():
    line = prediction(parts=['head', 'tail']).to_json()
    assert '\n' not in line and json.loads(line)['objects'][1]['name'] == 'dog'
    assert json.loads(text().to_json()) == dict(image='a.jpg', instruction=text().instruction, text='a dog', score=0.75)


def test_polygons_and_keypoints_are_what_was_asked_for():
    assert prediction().polygons is None and prediction().keypoints is None
    assert np.shape(prediction(4).polygons) == (2, 4, 2)
    assert prediction(parts=['head', 'tail']).keypoints[0] == dict(head=[10, 5], tail=[30, 25])


def test_crops_are_inside_the_image():
    assert [crop.size for crop in prediction().crop()] == [(20, 20), (60, 10)]
    outside = prediction()
    outside.boxes = [[100.0, 100.0, 120.0, 120.0], [5.0, 5.0, 5.0, 5.0]]
    assert [crop.size for crop in outside.crop()] == [(1, 1), (1, 1)]


def test_drawings_are_saved(tmp_path):
    prediction().save(tmp_path / 'new/a.png')
    with Image.open(tmp_path / 'new/a.png') as saved:
        assert saved.size == prediction().plot().size


def test_texts():
    assert str(prediction()) == 'cat 0.90, dog 0.50' and str(text()) == 'a dog' and len(prediction()) == 2
    assert str(prediction().best()) == 'cat 0.90' and 'image=' not in repr(text())
