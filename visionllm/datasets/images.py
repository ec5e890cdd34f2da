"""Reading pictures, whatever people have: grey, palette, alpha, 16 bits, huge, broken."""

from pathlib import Path

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from PIL import Image, ImageOps, UnidentifiedImageError

MIN_SIDE, MAX_SIDE = 2, 10_000


class ImageError(ValueError):
    """A picture that cannot be used, and why."""


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture as ``uint8[H, W, 3]`` RGB, upright; alpha is laid on white, 16 bits become 8.

    Raises:
        ImageError: Not there, not a picture, truncated, or of a size that cannot be used.
    """
    try:
        with Image.open(path) as file:
            _check_size(path, *file.size)
            return _to_rgb(ImageOps.exif_transpose(file))
    except FileNotFoundError:
        raise ImageError(f'{path} does not exist.') from None
    except UnidentifiedImageError:
        raise ImageError(f'{path} is not a picture that can be read.') from None
    except (OSError, SyntaxError) as error:
        raise ImageError(f'{path} is damaged: {error}. Replace it, or take it out of the annotations.') from None


def _check_size(path: str | Path, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ImageError(f'{path} is {width} x {height} pixels; sides of {MIN_SIDE} to {MAX_SIDE:,} can be used. '
                         'Resize it.')


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith('I') or image.mode == 'F':
        values = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith('I') else max(values.max(), 1e-9)
        return np.repeat((values / top * 255).clip(0, 255).astype(np.uint8)[..., None], 3, 2)
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert('RGB'))


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that reads all of the above and names the file that it cannot read."""

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        results['img'] = mmcv.rgb2bgr(image)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
