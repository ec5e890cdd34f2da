import numpy as np
import pytest
from PIL import Image

from visionllm.datasets.images import ImageError, read_image


@pytest.mark.parametrize('mode', ['L', 'RGB', 'RGBA', 'P', 'LA', '1', 'CMYK'])
def test_every_mode_is_converted_to_rgb(tmp_path, mode):
    path = tmp_path / ('a.tif' if mode == 'CMYK' else 'a.png')
    Image.new('RGB', (12, 9), (200, 100, 50)).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (9, 12, 3) and image.dtype == np.uint8


def test_sixteen_bits_keep_their_range(tmp_path):
    Image.fromarray(np.linspace(0, 65535, 100).reshape(10, 10).astype(np.uint16)).save(tmp_path / 'a.png')
    image = read_image(tmp_path / 'a.png')
    assert image.min() == 0 and image.max() == 255


def test_transparency_is_white(tmp_path):
    Image.new('RGBA', (4, 4), (0, 0, 0, 0)).save(tmp_path / 'a.png')
    assert (read_image(tmp_path / 'a.png') == 255).all()


def test_a_truncated_image_is_named(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / 'cut.jpg')
    content = (tmp_path / 'cut.jpg').read_bytes()
    (tmp_path / 'cut.jpg').write_bytes(content[:len(content) // 2])
    with pytest.raises(ImageError, match='cut.jpg is damaged'):
        read_image(tmp_path / 'cut.jpg')


@pytest.mark.parametrize('size', [(1, 1), (12000, 20)])
def test_a_size_that_cannot_be_used_is_named(tmp_path, size):
    Image.new('L', size).save(tmp_path / 'a.png')
    with pytest.raises(ImageError, match=f'{size[0]} x {size[1]} pixels'):
        read_image(tmp_path / 'a.png')


def test_files_that_are_not_images(tmp_path):
    (tmp_path / 'a.png').write_text('hello')
    with pytest.raises(ImageError, match='not an image'):
        read_image(tmp_path / 'a.png')
    with pytest.raises(ImageError, match='does not exist'):
        read_image(tmp_path / 'b.png')
