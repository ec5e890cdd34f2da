import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample

from visionllm.models.pixels import as_fractions, real_pixels
from visionllm.models.samples import batch_pixel_mask

SIZES = [(16, 16), (7, 16), (16, 1), (1, 3)]
FLOATS = dict(type='DetDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True)


@pytest.fixture(scope='module')
def pictures():
    """RGB pixels of all values."""
    return [np.random.default_rng(number).permutation(768).astype(np.uint8)[:3 * height * width].reshape(
        height, width, 3) for number, (height, width) in enumerate(SIZES)]


def prepare(pictures, preprocessor):
    inputs = [torch.from_numpy(each[..., ::-1].transpose(2, 0, 1).copy()) for each in pictures]
    samples = [DetDataSample(metainfo=dict(img_shape=each.shape[:2])) for each in pictures]
    images = MODELS.build(preprocessor)(dict(inputs=inputs, data_samples=samples))['inputs']
    return images, batch_pixel_mask(images, samples)


@pytest.mark.parametrize('preprocessor', [dict(type='UInt8DataPreprocessor'), FLOATS], ids=['bytes', 'floats'])
def test_pixels_are_those_of_the_picture_without_its_padding(pictures, preprocessor):
    found = real_pixels(*prepare(pictures, preprocessor))
    assert all(one.shape == other.shape and (one == other).all() for one, other in zip(found, pictures))


def test_bytes_and_floats_are_the_same_fractions(pictures):
    images, _ = prepare(pictures, dict(type='UInt8DataPreprocessor'))
    assert images.dtype == torch.uint8
    assert torch.equal(as_fractions(images), as_fractions(prepare(pictures, FLOATS)[0]))
