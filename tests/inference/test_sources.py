"""Images of any source, and sentences about those that are none."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from visionllm.annotations import ImageError
from visionllm.inference.sources import SourceError, count_frames, read_frames

COLOUR = (200, 100, 50)


def image(width=40, height=30, colour=COLOUR):
    return Image.new('RGB', (width, height), colour)


@pytest.fixture
def folder(tmp_path):
    """Images in a folder and in one below it, a file that is none, and one that is broken."""
    (tmp_path / 'below').mkdir()
    for number, name in enumerate(('b.png', 'a.JPG', 'below/c.webp')):
        image(40 + number).save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no image')
    return tmp_path


@pytest.fixture
def video(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (64, 48))
    for value in (0, 120, 240):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    return tmp_path / 'a.avi'


@pytest.fixture
def server(tmp_path):
    (tmp_path / 'served').mkdir()
    image().save(tmp_path / 'served/a.png')
    (tmp_path / 'served/page.html').write_text('<html></html>')
    (tmp_path / 'served/broken.png').write_bytes(b'broken')
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / 'served'))
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01, ), daemon=True).start()
        yield f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


def widths(source, unreadable=None):
    return [frame.image.shape[1] for frame in read_frames(source, unreadable)]


def test_files_folders_and_patterns(folder):
    assert widths(folder / 'b.png') == [40] and widths(str(folder)) == [41, 40, 42]
    assert widths(f'{folder}/*.png') == [40] and widths(f'{folder}/**/*.webp') == [42]
    assert widths([folder / 'b.png', str(folder / 'below')]) == [40, 42]
    sources = (folder, folder / 'b.png', f'{folder}/*.png', [folder, folder])
    assert list(map(count_frames, sources)) == [3, 1, 1, 6]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    image().save(tmp_path / 'a[1].png')
    assert widths(tmp_path / 'a[1].png') == [40]


def test_names_with_spaces_and_quotes(tmp_path):
    name = 'it\'s a "test" ünï.png'
    image().save(tmp_path / name)
    assert widths(tmp_path / name) == [40] and widths(f'{tmp_path}/it*') == [40]


@pytest.mark.parametrize('make', [
    image, lambda: np.asarray(image()), lambda: image().convert('RGBA'), lambda: np.asarray(image().convert('L')),
    lambda: torch.tensor(np.asarray(image())).permute(2, 0, 1),
    lambda: torch.tensor(np.asarray(image())).permute(2, 0, 1) / 255,
], ids=['PIL', 'array', 'RGBA', 'grey', 'bytes', 'numbers'])
def test_images_in_memory(make):
    frame, = read_frames(make())
    assert frame.image.shape == (30, 40, 3) and frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous
    expected = np.asarray(image().convert('L')) if frame.image[0, 0, 0] == frame.image[0, 0, 1] else np.asarray(image())
    assert (frame.image[..., 0] == expected.reshape(30, 40, -1)[..., 0]).all()


def test_images_in_a_list_have_numbers(folder):
    assert [frame.path for frame in read_frames([image(), np.asarray(image())])] == ['image 0', 'image 1']
    assert [frame.path for frame in read_frames(iter([folder / 'b.png']))] == [str(folder / 'b.png')]


def test_an_upright_image_by_its_exif_orientation():
    turned = image()
    turned.getexif()[0x0112] = 6
    assert next(read_frames(turned)).image.shape == (40, 30, 3)


def test_all_frames_of_a_video(video):
    frames = list(read_frames(video))
    assert [round(frame.image.mean() / 120) for frame in frames] == [0, 1, 2]
    assert [frame.path for frame in frames] == [f'{video}#{number}' for number in range(3)]
    assert count_frames(video) is None


def test_urls(server):
    frame, = read_frames(f'{server}/a.png')
    assert frame.path == f'{server}/a.png' and tuple(frame.image[0, 0]) == COLOUR
    with pytest.raises(SourceError, match='is a web page'):
        list(read_frames(f'{server}/page.html'))
    with pytest.raises(SourceError, match='could not be downloaded'):
        list(read_frames(f'{server}/gone.png'))
    with pytest.raises(ImageError, match=f'{server}/broken.png is not an image'):
        list(read_frames(f'{server}/broken.png'))


@pytest.mark.parametrize('source, message', [
    ('gone.jpg', 'There is no file gone.jpg'), ('gone/*.jpg', 'No file matches the pattern gone/\\*.jpg'),
    ('gone.mp4', 'There is no file gone.mp4'),
    (99, 'There is no camera 99, or it gives no image'), (3.5, 'float is no source of images'),
    (np.zeros((4, 4, 4), np.uint8), r'image is uint8\[4, 4, 4\]'), (np.zeros((4, 4, 3)), 'image is float64'),
    (torch.zeros(2, 4, 4), r'image is float32\[2, 4, 4\]'),
    ('http://127.0.0.1:9/a.jpg', 'could not be downloaded'), ('http://[::1', 'could not be downloaded'),
])
def test_what_is_no_source(source, message):
    with pytest.raises(SourceError, match=message):
        list(read_frames(source))


def test_folders_and_videos_without_an_image(tmp_path):
    with pytest.raises(SourceError, match='holds no image'):
        list(read_frames(tmp_path))
    (tmp_path / 'a.mp4').write_bytes(b'no video')
    with pytest.raises(SourceError, match='has no frame that can be read'):
        list(read_frames(tmp_path / 'a.mp4'))


def test_a_bad_image_costs_no_other(folder):
    (folder / 'broken.png').write_bytes(b'broken')
    unreadable = []
    assert widths([folder, 'gone.jpg', folder / 'b.png'], unreadable) == [41, 40, 42, 40]
    assert len(unreadable) == 2 and 'broken.png' in unreadable[0] and 'gone.jpg' in unreadable[1]


def test_an_image_of_300_megapixels_is_not_decoded(tmp_path):
    header = (b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + (20000).to_bytes(4, 'big') + (15000).to_bytes(4, 'big')
              + b'\x08\x02\0\0\0')
    import zlib
    (tmp_path / 'a.png').write_bytes(header + zlib.crc32(header[12:]).to_bytes(4, 'big'))
    with pytest.raises(ImageError, match='a.png'):
        list(read_frames(tmp_path / 'a.png'))
