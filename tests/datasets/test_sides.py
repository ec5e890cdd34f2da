"""Left and right follow a horizontal flip, top and bottom a vertical one, in labels, keypoints and texts."""

import numpy as np
import pytest

from visionllm.datasets import PackInstructionInputs
from visionllm.datasets.keypoints import mirror_points
from visionllm.datasets.sides import mirrored_name, mirrored_text


@pytest.mark.parametrize('name, other', [
    ('left eye', 'right eye'), ('Left_Eye', 'Right_Eye'), ('LEFT-EYE', 'RIGHT-EYE'), ('L_eye', 'R_eye'),
    ('eye_l', 'eye_r'), ('leftEye', 'rightEye'), ('EyeLeft', 'EyeRight'), ('l-eye', 'r-eye'), ('nose', 'nose'),
    ('bright lamp', 'bright lamp'), ('leftover', 'leftover'), ('upright piano', 'upright piano'),
    ('Lamp', 'Lamp'), ('left front wheel', 'right front wheel')])
def test_names(name, other):
    assert mirrored_name(name) == other and mirrored_name(other) == name


@pytest.mark.parametrize('text, other', [
    ('the leftmost dog', 'the rightmost dog'), ('Left of the car', 'Right of the car'),
    ('on the right-hand side', 'on the left-hand side'), ('a bright light', 'a bright light'),
    ('the second bottle from the left', 'the second bottle from the right')])
def test_texts(text, other):
    assert mirrored_text(text) == other and mirrored_text(other) == text


@pytest.mark.parametrize('name, other', [
    ('top', 'bottom'), ('top left', 'bottom left'), ('UpperLip', 'LowerLip'), ('laptop', 'laptop'), ('left', 'left')])
def test_names_upside_down(name, other):
    assert mirrored_name(name, 'vertical') == other and mirrored_name(other, 'vertical') == name


@pytest.mark.parametrize('text, other', [
    ('the topmost dog', 'the bottommost dog'), ('Above the car', 'Below the car'), ('the lower cup', 'the upper cup'),
    ('the cup lower than the plate', 'the cup higher than the plate'), ('the highest star', 'the lowest star'),
    ('the cup at the top left', 'the cup at the bottom left'), ('a laptop', 'a laptop')])
def test_texts_upside_down(text, other):
    assert mirrored_text(text, 'vertical') == other and mirrored_text(other, 'vertical') == text


def test_a_diagonal_flip_is_both():
    assert mirrored_text('a cup at the top left', 'diagonal') == 'a cup at the bottom right'
    assert mirrored_name('bottom_left', 'diagonal') == 'top_right'


def pack(flip='horizontal', **values):
    results = dict(
        img=np.zeros((8, 10, 3), np.uint8), img_shape=(8, 10), flip=flip is not None, flip_direction=flip,
        gt_bboxes=np.array([[0, 0, 4, 4], [5, 0, 9, 4]], np.float32), gt_ignore_flags=np.zeros(2, bool), **values)
    return PackInstructionInputs()(results)['data_samples']


@pytest.mark.parametrize('flip, names', [('horizontal', ['right hand', 'ball']), ('vertical', ['left hand', 'ball']),
                                         (None, ['left hand', 'ball'])])
def test_labels_follow_the_flip(flip, names):
    text = ('left hand', 'ball', 'right hand')
    sample = pack(flip, text=text, gt_bboxes_labels=np.array([0, 1]))
    assert [text[label] for label in sample.gt_instances.labels] == names


def test_an_object_whose_other_side_has_no_class_is_ignored():
    sample = pack(text=('left hand', 'size L'), gt_bboxes_labels=np.array([0, 1]))
    assert sample.gt_instances.labels.tolist() == [1] and sample.ignored_instances.labels.tolist() == [0]


def test_texts_of_a_sample_follow_the_flip():
    sample = pack(text=('left dog',), expression='left dog', gt_bboxes_labels=np.array([0, 0]),
                  captions=['a dog left of a car'], turns=('left', 'what is right of it?', 'a car'))
    assert sample.text == ('right dog',) and sample.expression == 'right dog' and len(sample.gt_instances) == 2
    upside_down = pack('vertical', text=('top dog',), expression='top dog', gt_bboxes_labels=np.array([0, 0]))
    assert upside_down.text == ('bottom dog',) and upside_down.expression == 'bottom dog'
    assert sample.captions == ['a dog right of a car'] and sample.turns == ('right', 'what is left of it?', 'a car')


def test_a_keypoint_of_one_side_alone_is_not_labelled_after_a_flip():
    points = np.arange(12, dtype=np.float32).reshape(1, 4, 3) + 1
    mirrored = mirror_points(points, ('L_eye', 'R_eye', 'left tip', 'nose'))
    assert mirrored[0].tolist() == [points[0, 1].tolist(), points[0, 0].tolist(), [0, 0, 0], points[0, 3].tolist()]
