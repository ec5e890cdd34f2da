"""What is shown of the inside of a model: shapes, shares that sum to one, and that names matter."""

import numpy as np
import pytest
from PIL import Image

from visionllm.annotations import read_image
from visionllm.apis import inspection_charts
from visionllm.apis.inferencer import Inferencer
from visionllm.apis.inspection import (
    InspectionError,
    attention_of_tokens,
    classes_of_words,
    read_image_with,
    sampling_of_tokens,
)
from visionllm.apis.polygons_on_truth import best_overlaps, draw_polygons_on_truth
from visionllm.apis.shipped import SHIPPED
from visionllm.apis.study import Study
from visionllm.cli.main import main
from visionllm.datasets import LVIS_NAMES
from visionllm.language import TASKS
from visionllm.ops.block_attention import Blocks, block_attention, block_weights

from ..conftest import ROOT

COFFEE = ROOT / 'visionllm/images/coffee.jpg'


def instruction_of(*names):
    return TASKS['detection'].write_instruction(names)


@pytest.fixture(scope='module')
def image():
    return np.random.default_rng(0).integers(255, size=(60, 90, 3), dtype=np.uint8)


@pytest.fixture(scope='module')
def inferencer(tiny):
    return Inferencer(tiny, (128, 128))


@pytest.fixture(scope='module')
def reading(inferencer, image):
    return read_image_with(inferencer, image, instruction_of('star', 'circle'))


@pytest.fixture(scope='module')
def photo():
    return Inferencer.from_files(*SHIPPED['photo'])


def is_picture(path) -> bool:
    return min(Image.open(path).size) > 100


def test_logits_and_boxes_are_those_of_the_prediction(inferencer, image, reading):
    count = len(reading.boxes)
    assert reading.logits.shape == (count, 3) and reading.scores.shape == (count, 2)
    prediction, = inferencer([image], ['a'], instruction_of('star', 'circle'), 0.0)
    best = reading.best_tokens(1)[0]
    assert prediction.scores[0] == pytest.approx(reading.scores[best].max(), abs=1e-4)
    assert prediction.names[0] == reading.names[reading.scores[best].argmax()]


@pytest.mark.parametrize('image_context', [False, True])
def test_attention_of_each_token_sums_to_one(inferencer, reading, monkeypatch, image_context):
    monkeypatch.setattr(inferencer.model.heads['tuples'].class_reader, 'image_context', image_context)
    attention = attention_of_tokens(reading)
    count = len(reading.boxes)
    assert attention.to_text.shape == (count, len(attention.texts))
    assert attention.to_image.shape == (count, count if image_context else 0)
    total = attention.to_text.sum(1) + attention.to_image.sum(1) + attention.to_itself
    assert total == pytest.approx(np.ones(count), abs=1e-4)
    assert ''.join(attention.texts).startswith(reading.instruction.text.split('<image>')[0][:10])


def test_other_names_change_attention_and_logits(inferencer, image, reading):
    other = read_image_with(inferencer, image, instruction_of('star', 'heart'))
    assert not np.allclose(reading.logits, other.logits)
    assert not np.allclose(attention_of_tokens(reading).to_itself, attention_of_tokens(other).to_itself)


def test_recorded_weights_are_those_that_are_used():
    import torch
    generator = torch.Generator().manual_seed(0)
    shared, count, size = 5, 3, 2
    query, key, value = (torch.randn(1, heads, shared + count * size, 8, generator=generator) for heads in (4, 2, 2))
    blocks = Blocks(shared, shared, size)
    weights = block_weights(query, key, blocks, 0.3)
    assert weights.shape == (1, count, size, shared + size) and torch.allclose(weights.sum(-1), torch.ones(1))
    value = value[:, :1].expand(1, 2, -1, -1)  # one value for all heads: their average is that of the weights
    used = block_attention(query[:, :, shared:], key, value, blocks, 0.3).unflatten(1, (count, size)).mean(3)
    own = value[:, 0, shared:].unflatten(1, (count, size))
    values = torch.cat([value[:, 0, None, :shared].expand(-1, count, -1, -1), own], 2)
    assert torch.allclose(weights @ values, used, atol=1e-5)


def test_sampling_points_are_near_their_box(inferencer, reading):
    points, weights = sampling_of_tokens(inferencer, reading)
    assert points.shape[:2] == weights.shape == (len(reading.boxes), points.shape[1])
    assert weights.sum(1) == pytest.approx(np.ones(len(weights)), abs=1e-4)


def test_what_a_model_has_not_is_said(inferencer, photo, image, reading):
    with pytest.raises(InspectionError, match='look at its attention'):
        classes_of_words(reading)
    with pytest.raises(InspectionError, match='name fewer'):
        read_image_with(inferencer, image, TASKS['detection'].write_instructions(LVIS_NAMES))
    of_photo = read_image_with(photo, read_image(COFFEE), instruction_of('cup'))
    with pytest.raises(InspectionError, match='there are no sampling points'):
        sampling_of_tokens(photo, of_photo)
    with pytest.raises(InspectionError, match='reads the words'):
        attention_of_tokens(of_photo)


def test_words_of_the_vocabulary_belong_to_classes(photo):
    words = classes_of_words(read_image_with(photo, read_image(COFFEE), instruction_of('animal', 'furniture')))
    assert words.probability.shape == (len(words.words), 3) and len(words.words) > 80
    assert words.probability.sum(1) == pytest.approx(np.ones(len(words.words)), abs=1e-4)
    belongs = dict(zip(words.words, words.probability.argmax(1)))
    assert (belongs['horse'], belongs['couch'], belongs['stop sign']) == (0, 1, 2)


def test_pictures_are_written(inferencer, reading, tmp_path):
    inspection_charts.draw_classes(reading, tmp_path / 'a/classes.png', 3)
    inspection_charts.draw_attention(reading, attention_of_tokens(reading), tmp_path / 'attention.png', 2)
    inspection_charts.draw_sampling(reading, *sampling_of_tokens(inferencer, reading), tmp_path / 'sampling.png', 2)
    assert all(map(is_picture, (tmp_path / 'a/classes.png', tmp_path / 'attention.png', tmp_path / 'sampling.png')))


def test_the_command_draws_the_words_of_photo(tmp_path, capsys):
    main(['inspect', 'attention', str(COFFEE), '--classes', 'animal', 'furniture', '--out', str(tmp_path)])
    assert 'this model reads these words' in capsys.readouterr().out
    assert is_picture(tmp_path / 'coffee_attention.png')


def test_polygons_are_drawn_on_the_truth(tmp_path):
    study = Study.from_files(*SHIPPED['scenes'], num_images=2, task='segmentation')
    first, second = draw_polygons_on_truth(study, tmp_path, 0.3)
    assert is_picture(first.path) and is_picture(second.path) and first.path != second.path
    overlaps = first.overlaps + second.overlaps
    assert len(overlaps) >= 2 and max(overlaps) > 0.7 and max(overlaps) <= 1


def test_a_polygon_of_another_class_overlaps_nothing():
    from pycocotools import mask
    code = mask.encode(np.asfortranarray(np.ones((4, 4), np.uint8)))
    found = [dict(category_id=number, segmentation=code) for number in (1, 2)]
    assert best_overlaps(found, [dict(category_id=1, segmentation=code)]) == [1.0, 0.0]
    assert best_overlaps(found, []) == [0.0, 0.0] and best_overlaps([], []) == []
