"""What the page shows of an answer: filtered, shrunk and downloaded without the model."""

import json

import numpy as np
import pytest

from visionllm.language import TASKS
from visionllm.visualization import Prediction
from visionllm.web.answer import PAGE_SIDE, SHOWN_OBJECTS, Answer

NAMES = ['cat', 'red car', 'dog']


def predict(points: int | None = None, parts: tuple[str, ...] = (), scale: int = 1, repeat: int = 1) -> Prediction:
    task = 'keypoints' if parts else 'segmentation' if points else 'detection'
    instruction = TASKS[task].write_instruction(NAMES, num_points=points, points=parts)
    boxes = [[scale * value for value in box] for box in ([10, 20, 60, 80], [0, 0, 99, 50], [50, 50, 90, 95])]
    corners = [[[x1, y1], [x2, y1], [x2, y2], [x1, y2]] if points else [[x1, y1], [x2, y2]]
               for x1, y1, x2, y2 in boxes]
    return Prediction('a.jpg', instruction, np.zeros((100 * scale, 100 * scale, 3), np.uint8),
                      repeat * ['red car', 'cat', 'red car'], repeat * [0.9, 0.5, 0.1], repeat * boxes,
                      repeat * corners)


@pytest.mark.parametrize('names, score, kept', [(NAMES, 0.0, [0, 1, 2]), (NAMES, 0.5, [0, 1]), (['cat'], 0.0, [1]),
                                                ([], 0.0, []), (['red car'], 0.95, [])])
def test_objects_are_chosen_by_name_and_score_in_all_forms(names, score, kept):
    answer = Answer.of(predict(), 0.3)
    assert answer.names == ['cat', 'red car']
    chosen = answer.select(names, score)
    whole = predict().to_coco()
    assert chosen.coco == whole | dict(annotations=[whole['annotations'][k] for k in kept])
    assert json.loads(chosen.write()) == [predict().as_dict()['objects'][k] for k in kept]
    assert chosen.prediction.boxes == [predict().boxes[k] for k in kept]
    assert len(chosen.annotations()) == len(kept)
    assert np.asarray(chosen.prediction.plot()).shape[1] == 384


def test_a_large_picture_is_shown_small_and_downloaded_in_its_own_pixels():
    answer = Answer.of(predict(points=4, scale=20), 0.3)
    assert answer.prediction.image.shape == (PAGE_SIDE, PAGE_SIDE, 3)
    shown = PAGE_SIDE / 100
    np.testing.assert_allclose(answer.prediction.boxes[0], np.multiply([10, 20, 60, 80], shown))
    np.testing.assert_allclose(answer.prediction.points[0][2], np.multiply([60, 80], shown))
    assert answer.coco['images'][0]['width'] == 2000
    assert answer.coco['annotations'][0]['bbox'] == [200, 400, 1000, 1200]
    assert answer.content['objects'][0]['box'] == [200, 400, 1200, 1600]


@pytest.mark.parametrize('prediction', [predict(), predict(points=4)])
def test_a_mask_is_where_the_object_is(prediction):
    (mask, label), *_ = Answer.of(prediction, 0.3).annotations()
    assert label == 'red car 0.90' and mask.shape == (100, 100)
    assert mask[20, 10] == 1 and 0 < mask[50, 35] < 0.5 and mask[10, 5] == 0 and mask[90, 70] == 0


def test_keypoints_are_dots():
    (mask, _), *_ = Answer.of(predict(parts=('left ear', 'right ear')), 0.3).annotations()
    assert mask[20, 10] == 1 and mask[80, 60] == 1 and mask[50, 35] == 0


def test_colours_are_those_of_the_drawing():
    answer = Answer.of(predict(), 0.3)
    color = np.array([int(answer.colors()['cat 0.50'][k:k + 2], 16) for k in (1, 3, 5)])
    drawing = np.asarray(answer.select(['cat'], 0.0).prediction.plot())
    assert (drawing == color).all(-1).sum() > 300 and answer.colors()['red car 0.90'] != answer.colors()['cat 0.50']


def test_masks_are_bounded():
    answer = Answer.of(predict(repeat=40), 0.3)
    assert len(answer.annotations()) == SHOWN_OBJECTS and len(answer.coco['annotations']) == 120


def test_a_text_has_no_objects():
    instruction = TASKS['questions'].write_instruction(question='how many?')
    image = np.zeros((10, 10, 3), np.uint8)
    answer = Answer.of(Prediction('a.jpg', instruction, image, text='two', text_score=0.7), 0.3)
    assert answer.names == [] and answer.select([], 1.0).write() == 'two' and answer.annotations() == []
    assert answer.coco['annotations'] == []
