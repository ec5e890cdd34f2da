import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from visionllm.annotations import ImageError, read_image


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


@pytest.mark.parametrize('bits, colours, suffix', [
    (10, False, 'png'), (12, False, 'png'), (12, True, 'png'), (12, True, 'tif'), (16, True, 'png'),
    (16, False, 'tif')])
def test_any_number_of_bits_fills_the_range(tmp_path, bits, colours, suffix):
    values = np.linspace(0, 2**bits - 1, 48).reshape(4, 12).astype(np.uint16)
    values = np.stack([values, values // 2, values // 4], -1) if colours else values
    cv2.imwrite(str(tmp_path / f'a.{suffix}'), values[..., ::-1] if colours else values)
    image = read_image(tmp_path / f'a.{suffix}')
    expected = values * 255.0 / (2**bits - 1)
    assert np.abs(image - (expected if colours else expected[..., None])).max() <= 1


def test_fractions_and_values_that_are_no_numbers(tmp_path):
    values = np.array([[0, 0.5, 1, np.nan], [np.inf, 0.25, 0, 1]], np.float32)
    Image.fromarray(values).save(tmp_path / 'a.tif')
    assert read_image(tmp_path / 'a.tif')[..., 0].tolist() == [[0, 127, 255, 0], [0, 63, 0, 255]]


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new('RGB', (6, 4), colour) for colour in ('red', 'blue')]
    frames[0].save(tmp_path / 'a.gif', save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / 'a.gif')[0, 0] == [255, 0, 0]).all()


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


def test_texts_and_sizes_that_are_made_to_fill_the_memory(tmp_path):
    notes = PngInfo()
    notes.add_text('note', 'x' * 80_000_000, zip=True)
    Image.new('L', (4, 4)).save(tmp_path / 'text.png', pnginfo=notes)
    header = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack('>I', 13) + b'IHDR' + header + struct.pack('>I', zlib.crc32(b'IHDR' + header))
    (tmp_path / 'bomb.png').write_bytes(b'\x89PNG\r\n\x1a\n' + chunk + struct.pack('>I', 0) + b'IDAT' + b'\0' * 4)
    for name in ('text.png', 'bomb.png'):
        with pytest.raises(ImageError, match=name):
            read_image(tmp_path / name)


def test_files_that_are_not_images(tmp_path):
    (tmp_path / 'empty.png').touch()
    with pytest.raises(ImageError, match='empty.png is not an image'):
        read_image(tmp_path / 'empty.png')
    with pytest.raises(ImageError, match='is a folder'):
        read_image(tmp_path)
    (tmp_path / 'a.png').write_text('hello')
    with pytest.raises(ImageError, match='not an image'):
        read_image(tmp_path / 'a.png')
    with pytest.raises(ImageError, match='does not exist'):
        read_image(tmp_path / 'b.png')
