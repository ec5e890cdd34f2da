"""Objects outlined on an image, or on the part of it that holds them: what was annotated beside what was predicted.

Dimensions: H, W height and width in pixels, P points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from .drawing import draw_label

TRUTH, PREDICTION = (30, 150, 70), (215, 40, 40)
MARGIN = 0.25  # around the objects, of their longer side
MIN_CROP = 48  # pixels of the image
TEXT_SIZE, LINE_WIDTH = 13, 3  # in pixels of the drawing


@dataclass(frozen=True)
class Outline:
    """One object.

    Args:
        box: x1, y1, x2, y2 in pixels.
        label: What is written at it.
        color: Of line and label.
        polygons: ``float[P, 2]`` each, in pixels; drawn instead of the box where there are any.
    """
    box: tuple[float, float, float, float]
    label: str
    color: tuple[int, int, int]
    polygons: list[np.ndarray] = field(default_factory=list)


def draw_outlines(image: np.ndarray, outlines: Sequence[Outline], side: int) -> Image.Image:
    """Outline objects on an image.

    Args:
        image: ``uint8[H, W, 3]``, RGB.
        outlines: The last is on top. Labels of an odd number are below their object, so that two on one object can be
            read.
        side: Length of the longer side of the drawing in pixels.
    """
    scale = side / max(image.shape[:2])
    drawing = Image.fromarray(image).resize([max(1, round(length * scale)) for length in image.shape[1::-1]])
    canvas = ImageDraw.Draw(drawing)
    for outline in outlines:
        _draw_line(canvas, outline, scale)
    for number, outline in enumerate(outlines):
        box = np.multiply(outline.box, scale)
        if number % 2:  # draw_label writes above what it is given
            box = np.array([box[0], min(box[3] + 2 * TEXT_SIZE, drawing.height), box[2], box[3]])
        draw_label(canvas, outline.label, box, outline.color, TEXT_SIZE)
    return drawing


def _draw_line(canvas: ImageDraw.ImageDraw, outline: Outline, scale: float) -> None:
    if not outline.polygons:
        left, top, right, bottom = np.multiply(outline.box, scale)
        canvas.rectangle((left, top, max(left, right), max(top, bottom)), None, outline.color, LINE_WIDTH)
    for polygon in outline.polygons:
        points = [tuple(point) for point in polygon * scale]
        canvas.line([*points, points[0]], outline.color, LINE_WIDTH, 'curve')


def crop_to_outlines(image: np.ndarray, outlines: Sequence[Outline], side: int) -> Image.Image:
    """As ``draw_outlines``, of the part of an image ``uint8[H, W, 3]`` around the objects."""
    boxes = np.array([outline.box for outline in outlines], float)
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    longer = max(*(high - low), MIN_CROP / (1 + 2 * MARGIN))
    reach = longer * (0.5 + MARGIN)
    size = np.array(image.shape[1::-1])
    left, top = np.clip((low + high) / 2 - reach, 0, size - 1).astype(int)
    right, bottom = np.clip((low + high) / 2 + reach, (left + 1, top + 1), size).astype(int)
    moved = [Outline(tuple(np.subtract(outline.box, (left, top, left, top))), outline.label, outline.color,
                     [polygon - (left, top) for polygon in outline.polygons]) for outline in outlines]
    return draw_outlines(image[top:bottom, left:right], moved, side)
