"""Reading of image files of any mode (grey, palette, alpha, 16 bits), with errors that name the file.

Dimensions: H, W height and width in pixels.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from visionllm.errors import UserError

_EXIF_ORIENTATION = 0x0112
MIN_SIDE, MAX_SIDE = 2, 10_000  # pixels


class ImageError(UserError, ValueError):
    """An image file cannot be used; the message says why."""


def read_image(path: str | Path) -> np.ndarray:
    """Read an image as RGB, upright by its EXIF orientation; alpha is blended with white, more bits are scaled to 8.

    Returns:
        ``uint8[H, W, 3]``.

    Raises:
        ImageError: The file does not exist, is not an image, is truncated, or has a side outside ``MIN_SIDE`` to
            ``MAX_SIDE``.
    """
    try:
        with Image.open(path) as file:
            _check_size(path, *file.size)
            image = _read_deep_colours(path, file) if _has_deep_colours(file) else file
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
    except FileNotFoundError:
        raise ImageError(f'{path} does not exist.') from None
    except IsADirectoryError:
        raise ImageError(f'{path} is a folder, not an image.') from None
    except (UnidentifiedImageError, PermissionError) as error:
        reason = ': permission denied' if isinstance(error, PermissionError) else ''
        raise ImageError(f'{path} is not an image that can be read{reason}.') from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise error if isinstance(error, ImageError) else ImageError(
            f'{path} is damaged: {error}. Replace it, or remove it from the annotations.') from None


def _check_size(path: str | Path, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ImageError(f'{path} is {width} x {height} pixels; sides of {MIN_SIDE} to {MAX_SIDE:,} can be used. '
                         'Resize it.')


def _has_deep_colours(file: Image.Image) -> bool:
    """Whether an image has colours of 16 bits, of which Pillow reads the first 8: 12 bits in them would be black."""
    return file.mode in ('RGB', 'RGBA') and any('16' in str(tile[3]) for tile in getattr(file, 'tile', ()))


def _read_deep_colours(path: str | Path, file: Image.Image) -> Image.Image:
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise OSError('its colours of 16 bits cannot be read')
    order = cv2.COLOR_BGRA2RGBA if values.shape[2] == 4 else cv2.COLOR_BGR2RGB
    colours = scale_to_bytes(values[..., :3])
    alpha = (values[..., 3:] // 257).astype(np.uint8)
    image = Image.fromarray(cv2.cvtColor(np.concatenate([colours, alpha], 2), order))
    image.getexif()[_EXIF_ORIENTATION] = file.getexif().get(_EXIF_ORIENTATION, 1)
    return image


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith('I') or image.mode == 'F':
        return np.repeat(scale_to_bytes(np.asarray(image, np.float64))[..., None], 3, 2)
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))


def scale_to_bytes(values: np.ndarray) -> np.ndarray:
    """Values ``float[H, W, ...]`` of more than 8 bits as ``uint8[H, W, ...]``.

    Whole numbers are scaled by the smallest of 8, 10, 12, 14, 16, .. bits that holds the largest, since cameras write
    12 bits into files of 16; others by the largest, or by 1 where all are at most 1. What is not finite becomes black.
    """
    values = np.where(np.isfinite(values), values, 0).astype(np.float64)
    values = values - min(values.min(), 0)
    largest = values.max()
    if (values == values.round()).all():
        bits = max(8, 2 * int(np.ceil(np.log2(largest + 1) / 2)))
        largest = 2**bits - 1
    return (values / max(largest, 1) * 255).astype(np.uint8)


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width in pixels of an image, upright by its EXIF orientation, from its header.

    Raises:
        ImageError: The file does not exist or is not an image.
    """
    try:
        with Image.open(path) as file:
            width, height = file.size
            is_rotated = file.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except OSError as error:
        raise ImageError(f'{path} is not an image that can be read: {error}.') from None
    return (width, height) if is_rotated else (height, width)
