"""Predictions drawn on their images, with labels in any script."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Protocol

import numpy as np
from mmengine.logging import print_log
from PIL import Image, ImageDraw, ImageFont

from visionllm.language import instruction_sentences
from visionllm.language.instructions import class_names_of, format_of

PALETTE = [(230, 60, 60), (60, 140, 240), (60, 180, 90), (240, 160, 40), (150, 80, 200), (30, 180, 180),
           (240, 110, 180), (120, 120, 120), (160, 110, 50), (100, 100, 255)]
# of Latin, Greek, Cyrillic and Arabic; matplotlib is not imported for it
DEFAULT_FONT = Path(distribution('matplotlib').locate_file('matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf'))
TEXT_SIZE = 1 / 45  # height of letters, of the shortest side
MIN_TEXT_SIZE, LINE_WIDTH = 11, 1 / 6  # in pixels; of the height of letters


class Drawable(Protocol):
    """What is drawn of a prediction."""
    instruction: str | Sequence[str]
    image: np.ndarray
    names: list[str]
    scores: list[float]
    boxes: list[list[float]]
    points: list[list[list[float]]]
    text: str | None


def draw(prediction: Drawable, min_side: int = 384) -> np.ndarray:
    """Draw boxes, polygons or keypoints with names and scores on the image, and the instruction and text below it.

    Lines and letters grow with the image.

    Args:
        prediction: What to draw.
        min_side: Images whose shortest side is smaller are enlarged to it, in pixels.

    Returns:
        ``uint8[H, W, 3]``, RGB.
    """
    scale = max(1.0, min_side / min(prediction.image.shape[:2]))
    image = Image.fromarray(prediction.image)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    size = max(MIN_TEXT_SIZE, round(min(image.size) * TEXT_SIZE))
    canvas = ImageDraw.Draw(image)
    class_names, output_format = class_names_of(prediction.instruction), format_of(prediction.instruction)
    objects = zip(prediction.names, prediction.scores, prediction.boxes, prediction.points)
    for name, score, box, points in reversed(list(objects)):  # the best on top
        color = PALETTE[class_names.index(name) % len(PALETTE)]
        box, points = np.multiply(box, scale), [tuple(point) for point in np.multiply(points, scale)]
        if output_format.has_point_names:
            _draw_points(canvas, points, color, size)
        elif output_format.is_polygon:
            canvas.line([*points, points[0]], color, max(2, round(size * LINE_WIDTH)), 'curve')
        else:
            canvas.rectangle(tuple(box), None, color, max(2, round(size * LINE_WIDTH)))
        draw_label(canvas, f'{name} {score:.2f}', box, color, size)
    first, *others = instruction_sentences(prediction.instruction)
    caption = f'{first} (and {len(others)} more sentences)' if others else first
    caption = caption if prediction.text is None else f'{caption} -> {prediction.text}'
    return np.concatenate([np.asarray(image), _draw_caption(caption, image.width, size)])


def _draw_points(canvas: ImageDraw.ImageDraw, points: list[tuple[float, float]], color: tuple[int, int, int],
                 size: int) -> None:
    for point in points:
        canvas.circle(point, size / 3, color, 'white', max(1, size // 10))


def draw_label(canvas: ImageDraw.ImageDraw, text: str, box: np.ndarray, color: tuple[int, int, int],
               size: int) -> None:
    """A label above the box, or at the edge of the image that it would leave.

    Args:
        canvas: Of the image.
        text: What is written.
        box: ``float[4]``, x1, y1, x2, y2 in pixels.
        color: Of the ground.
        size: Height of the letters in pixels.
    """
    font, pad = font_for(text, size), max(1, size // 5)
    left, top, right, bottom = canvas.textbbox((0, 0), text, font)
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x = max(0, min(box[0], canvas.im.size[0] - width))
    y = max(0, box[1] - height)
    canvas.rectangle((x, y, x + width, y + height), color)
    canvas.text((x + pad - left, y + pad - top), text, 'white', font)


def _draw_caption(text: str, width: int, size: int) -> np.ndarray:
    """Wrapped text on a white strip ``uint8[h, width, 3]``."""
    font = font_for(text, size)
    lines = ['']
    for word in text.replace('\n', ' ').split(' '):
        longer = f'{lines[-1]} {word}'.strip()
        if font.getlength(longer) <= width - size or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    height = round(1.4 * size)
    strip = Image.new('RGB', (width, height * len(lines) + size), 'white')
    for number, line in enumerate(lines):
        ImageDraw.Draw(strip).text((size / 2, size / 2 + height * number), line, (30, 30, 30), font)
    return np.asarray(strip)


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that has all characters of a text, of those of the system; the default one if there is none.

    Args:
        text: What is to be written.
        size: Height of the letters in pixels.
    """
    characters = frozenset(text) - {' '}
    return ImageFont.truetype(str(_find_font(characters)), size)


@lru_cache(maxsize=256)
def _find_font(characters: frozenset[str]) -> Path:
    if max(characters, default=' ') < '\u0250' or characters <= _characters_of(DEFAULT_FONT):
        return DEFAULT_FONT
    found = next((path for path in _system_fonts() if characters <= _characters_of(path)), None)
    if found is None:
        print_log(f'No font of this system has all of {"".join(sorted(characters))}, so some of it is drawn as boxes. '
                  'Install one, such as fonts-noto-cjk.', 'current', level=logging.WARNING)
    return found or DEFAULT_FONT


@lru_cache
def _system_fonts() -> tuple[Path, ...]:
    """Fonts of the system, those of normal weight first."""
    from matplotlib.font_manager import findSystemFonts
    return tuple(sorted(map(Path, findSystemFonts()), key=lambda path: ('regular' not in path.stem.lower(), str(path))))


@lru_cache
def _characters_of(path: Path) -> frozenset[str]:
    from fontTools.ttLib import TTFont, TTLibError
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(map(chr, font.getBestCmap() or ()))
    except (OSError, TTLibError):
        return frozenset()
