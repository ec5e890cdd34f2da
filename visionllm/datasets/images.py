"""Reading of image files of any mode (grey, palette, alpha, 16 bits), with errors that name the file.

Dimensions: H, W height and width in pixels.
"""

from pathlib import Path

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from PIL import Image, ImageOps, UnidentifiedImageError

from visionllm.errors import UserError

MIN_SIDE, MAX_SIDE = 2, 10_000  # pixels


class ImageError(UserError, ValueError):
    """An image file cannot be used; the message says why."""


def read_image(path: str | Path) -> np.ndarray:
    """Read an image as RGB, upright by its EXIF orientation; alpha is blended with white, 16 bits are scaled to 8.

    Returns:
        ``uint8[H, W, 3]``.

    Raises:
        ImageError: The file does not exist, is not an image, is truncated, or has a side outside ``MIN_SIDE`` to
            ``MAX_SIDE``.
    """
    try:
        with Image.open(path) as file:
            _check_size(path, *file.size)
            return _to_rgb(ImageOps.exif_transpose(file))
    except FileNotFoundError:
        raise ImageError(f'{path} does not exist.') from None
    except UnidentifiedImageError:
        raise ImageError(f'{path} is not an image that can be read.') from None
    except (OSError, SyntaxError) as error:
        raise ImageError(f'{path} is damaged: {error}. Replace it, or remove it from the annotations.') from None


def _check_size(path: str | Path, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ImageError(f'{path} is {width} x {height} pixels; sides of {MIN_SIDE} to {MAX_SIDE:,} can be used. '
                         'Resize it.')


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith('I') or image.mode == 'F':
        values = np.asarray(image, np.float64)
        maximum = 65535.0 if image.mode.startswith('I') else max(values.max(), 1e-9)
        return np.repeat((values / maximum * 255).clip(0, 255).astype(np.uint8)[..., None], 3, 2)
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert('RGB'))


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that reads images with ``read_image``; a pipeline need not resize them.

    Raises:
        ImageError: The image cannot be read; the message names the file.
    """

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        results['img'] = mmcv.rgb2bgr(image)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        results['scale_factor'] = (1.0, 1.0)
        return results
