"""Where images come from: files, folders, patterns, URLs, videos, cameras, and images in memory.

Dimensions: H, W height and width in pixels.
"""

import glob
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import numpy as np

from visionllm.errors import UserError

from .prefetching import prefetch

VIDEO_SUFFIXES = {'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm'}
MAX_DOWNLOAD = 100 * 2**20  # bytes
TIMEOUT = 20  # seconds
CAMERA = 'webcam'


class SourceError(UserError, ValueError):
    """A source without an image; the message says what was looked for."""


@dataclass(frozen=True)
class Frame:
    """An image and where it is from."""
    path: str  # of the file, a URL, or what the image is called: ``video.mp4#12``, ``image 0``
    image: np.ndarray  # uint8[H, W, 3], RGB


def read_frames(source: object, unreadable: list[str] | None = None) -> Iterator[Frame]:
    """All images of a source, one after the other.

    Args:
        source: A path; a folder; a pattern such as ``photos/*.jpg``; a URL of an image; a video; ``webcam`` or the
            number of a camera; a PIL image; ``uint8[H, W, 3]``, RGB, or ``[H, W]``; a tensor ``[3, H, W]`` of bytes or
            of numbers in [0, 1]; or a list or iterator of these.
        unreadable: Messages about files that cannot be read are added to it, and their files left out. Without it
            they are raised.

    Raises:
        SourceError: There is no such source, or no image in it.
        ImageError: An image cannot be read, and there is no ``unreadable``.
    """
    readers = _readers(source)
    for reader in readers if _is_stream(source) else prefetch(readers):
        try:
            yield from reader
        except (SourceError, _image_error()) as error:
            if unreadable is None:
                raise
            unreadable.append(str(error))


def _image_error() -> type[Exception]:
    from visionllm.annotations import ImageError
    return ImageError


def count_frames(source: object) -> int | None:
    """How many images a source has; None where that is not known in advance."""
    if _is_stream(source):
        return None
    if isinstance(source, (list, tuple)):
        return sum(map(count_frames, source))
    is_several = isinstance(source, (str, Path)) and (Path(source).is_dir() or _is_pattern(source))
    return len(_files(source)) if is_several else 1


def _readers(source: object, name: str = 'image') -> Iterator[Iterator[Frame]]:
    """One reader a file or image, so that a bad one costs no other."""
    if isinstance(source, (str, Path)):
        yield from _readers_of_path(source)
    elif isinstance(source, int):
        yield _read_video(source, f'camera {source}')
    elif hasattr(source, 'convert') or hasattr(source, 'shape'):
        yield _read_memory(source, name)
    elif isinstance(source, Iterable):
        for number, each in enumerate(source):
            yield from _readers(each, f'image {number}')
    else:
        raise SourceError(f'{type(source).__name__} is no source of images: give a path, a URL, a PIL image, an array, '
                          'a tensor, or a list of them.')


def _readers_of_path(source: str | Path) -> Iterator[Iterator[Frame]]:
    from visionllm.annotations.image_files import IMAGE_SUFFIXES
    text = str(source)
    if text.startswith(('http://', 'https://')):
        yield _read_url(text)
    elif text == CAMERA or text.isdecimal() and not Path(text).exists():
        yield _read_video(int(text) if text.isdecimal() else 0, text)
    elif Path(text).is_dir() or _is_pattern(source):
        files = _files(source)
        if not files:
            yield _fail(f'{text} holds no image ({", ".join(sorted(IMAGE_SUFFIXES))}).' if Path(text).is_dir()
                        else f'No file matches the pattern {text}.')
        for path in files:
            yield from _readers_of_path(path)
    elif Path(text).suffix.lower() in VIDEO_SUFFIXES:
        yield _read_video(text, text)
    else:
        yield _read_file(text)


def _fail(message: str) -> Iterator[Frame]:
    raise SourceError(message)
    yield


def _is_pattern(source: str | Path) -> bool:
    return glob.has_magic(str(source)) and not Path(source).exists()


def _is_stream(source: object) -> bool:
    """Whether images come one after the other, and how many is not known: a video, a camera, an iterator."""
    if isinstance(source, (list, tuple)):
        return any(map(_is_stream, source))
    if isinstance(source, (str, Path)):
        text = str(source)
        return text == CAMERA or text.isdecimal() or Path(text).suffix.lower() in VIDEO_SUFFIXES
    return isinstance(source, (int, Iterator))


def _files(source: str | Path) -> list[Path]:
    """The files of a pattern, or the images below a folder, in order."""
    from visionllm.annotations.image_files import IMAGE_SUFFIXES
    if not Path(source).is_dir():
        return sorted(map(Path, glob.glob(str(source), recursive=True)))
    return sorted(path for path in Path(source).rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)


def _read_file(path: str) -> Iterator[Frame]:
    from visionllm.annotations import read_image
    if not Path(path).exists():
        raise SourceError(f'There is no file {path}.')
    yield Frame(path, read_image(path))


def _read_url(url: str) -> Iterator[Frame]:
    from visionllm.annotations import ImageError, read_image
    try:
        with urlopen(UrlRequest(url, headers={'User-Agent': 'visionllm'}), timeout=TIMEOUT) as answer:
            kind = answer.headers.get_content_type()
            content = answer.read(MAX_DOWNLOAD + 1)
    except (URLError, OSError, ValueError) as error:
        raise SourceError(f'{url} could not be downloaded: {getattr(error, "reason", error)}.') from None
    if kind.startswith('text/'):
        raise SourceError(f'{url} is a web page ({kind}), and no image. Give the address of the image itself.')
    if len(content) > MAX_DOWNLOAD:
        raise SourceError(f'{url} is larger than {MAX_DOWNLOAD // 2**20} MB. Download it, and give its path.')
    with tempfile.NamedTemporaryFile(suffix=Path(urlparse(url).path).suffix) as file:
        file.write(content)
        file.flush()
        try:
            yield Frame(url, read_image(file.name))
        except ImageError as error:
            raise ImageError(str(error).replace(file.name, url)) from None


def _read_video(source: str | int, name: str) -> Iterator[Frame]:
    """All frames of a video or a camera.

    Raises:
        SourceError: There is no such video, or no frame in it.
    """
    import cv2
    if isinstance(source, str) and not Path(source).is_file():
        raise SourceError(f'There is no file {source}.')
    if isinstance(source, int):  # that there is no camera is said below
        cv2.setLogLevel(0)
    video = cv2.VideoCapture(source)
    number = 0
    try:
        while True:
            is_read, image = video.read()
            if not is_read:
                break
            yield Frame(f'{name}#{number}', cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            number += 1
    finally:
        video.release()
    if number == 0:
        raise SourceError(f'{name} has no frame that can be read.' if isinstance(source, str) else
                          f'There is no camera {source}, or it gives no image.')


def _read_memory(image: object, name: str) -> Iterator[Frame]:
    """A PIL image, an array or a tensor.

    Raises:
        SourceError: It has another shape or type.
    """
    if hasattr(image, 'convert'):
        yield Frame(getattr(image, 'filename', '') or name, np.asarray(_upright(image).convert('RGB')))
        return
    values = np.asarray(image.detach().cpu()) if hasattr(image, 'detach') else np.asarray(image)
    if hasattr(image, 'detach') and values.ndim == 3 and values.shape[0] == 3:
        values = values.transpose(1, 2, 0)
        values = values if values.dtype == np.uint8 else (255 * values.clip(0, 1)).round().astype(np.uint8)
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, 2)
    if values.ndim != 3 or values.shape[2] != 3 or values.dtype != np.uint8:
        raise SourceError(f'{name} is {values.dtype}{list(values.shape)}: arrays are uint8[H, W, 3] (RGB), tensors '
                          '[3, H, W] of bytes or of numbers in [0, 1].')
    yield Frame(name, np.ascontiguousarray(values))


def _upright(image):
    from PIL import ImageOps
    return ImageOps.exif_transpose(image)
