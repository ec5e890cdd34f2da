"""Drawings: labels in any script, that grow with the image and stay inside it."""

import numpy as np
import pytest

from visionllm.language import TASKS
from visionllm.visualization import Prediction, draw
from visionllm.visualization.drawing import DEFAULT_FONT, _characters_of, _system_fonts, font_for


def prediction(name, size=(300, 400), box=(100, 100, 300, 200)):
    points = [[box[0], box[1]], [box[2], box[3]]]
    return Prediction('a.jpg', TASKS['detection'].write_instruction([name]), np.zeros((*size, 3), np.uint8), [name],
                      [0.5], [list(box)], [points])


@pytest.mark.parametrize('text', ['кошка', 'γάτα', 'قطة', 'Ærø', 'ねこ', '狗'])
def test_a_font_with_all_characters_is_chosen_where_there_is_one(text):
    fonts = [DEFAULT_FONT, *_system_fonts()]
    exists = any(set(text) <= _characters_of(font) for font in fonts)
    assert exists or text in ('ねこ', '狗')  # of which a system may have none
    assert (set(text) <= _characters_of(font_for(text, 12).path)) == exists
    assert draw(prediction(text)).any()


def test_different_words_look_different():
    words = ['кошка', 'собака', 'γάτα', 'قطة']
    labels = {draw(prediction(word))[:384].tobytes() for word in words}
    assert len(labels) == len(words)


def test_letters_and_lines_grow_with_the_image():
    def share_of_label(scale):
        image = draw(prediction('cat', (300 * scale, 400 * scale), [scale * v for v in (100, 100, 300, 200)]), 1)
        return (image[:300 * scale].sum(-1) > 0).mean()
    assert share_of_label(10) == pytest.approx(share_of_label(2), rel=0.25)


@pytest.mark.parametrize('box', [(0, 0, 30, 10), (390, 290, 400, 300), (370, 0, 400, 300)])
def test_labels_stay_inside_the_image(box):
    with_long_name = draw(prediction('a name of thirty-five characters, all', box=box), 300)[:300]
    coloured = (with_long_name == (230, 60, 60)).all(-1)
    assert coloured.sum() > 500 and coloured.any(0).sum() > 150
