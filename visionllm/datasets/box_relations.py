"""Spatial relations of objects, by their boxes: whether one holds, and whether it clearly does not.

Boxes are ``(x1, y1, x2, y2)`` in [0, 1] of the image's width and height.
"""

from collections.abc import Callable, Sequence

import numpy as np

Box = tuple[float, float, float, float]
Test = Callable[[Box, Box], bool]
POSITION_MARGIN = 0.06  # of centers, one of which lies beyond the other
NEXT_TO, NOT_NEXT_TO = 0.05, 0.15  # distance of boxes that are next to one another, and of those that are not
ON, NOT_ON = 0.8, 0.2  # share of a box within another one that it is on, and of one that it is not on
MAX_AREA_ON = 0.5  # of a box, relative to the one that it is on


def normalized_box(box: Sequence[float], image: dict) -> Box:
    """COCO's ``(x, y, width, height)`` in pixels as corners in [0, 1]."""
    x, y, width, height = box
    return x / image['width'], y / image['height'], (x + width) / image['width'], (y + height) / image['height']


def center(box: Box) -> tuple[float, float]:
    """``(x, y)`` of the center."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def area(box: Box) -> float:
    """Share of the image."""
    return (box[2] - box[0]) * (box[3] - box[1])


def distance(a: Box, b: Box) -> float:
    """Distance of two boxes; 0 where they overlap."""
    return float(np.hypot(*[max(a[axis] - b[axis + 2], b[axis] - a[axis + 2], 0) for axis in (0, 1)]))


def share_within(a: Box, b: Box) -> float:
    """Share of the first box that lies within the second."""
    sides = [max(min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]), 0) for axis in (0, 1)]
    return sides[0] * sides[1] / max(area(a), 1e-9)


def _beyond(axis: int, sign: int) -> tuple[Test, Test]:
    """Whether a center lies beyond another one in a direction, by a margin; and whether it clearly does not."""
    def difference(a: Box, b: Box) -> float:
        return sign * (center(a)[axis] - center(b)[axis])
    return (lambda a, b: difference(a, b) >= POSITION_MARGIN), (lambda a, b: difference(a, b) <= 0)


RELATIONS: dict[str, tuple[Test, Test]] = {
    'next to': (lambda a, b: distance(a, b) <= NEXT_TO, lambda a, b: distance(a, b) >= NOT_NEXT_TO),
    'left of': _beyond(0, -1),
    'right of': _beyond(0, 1),
    'above': _beyond(1, -1),
    'below': _beyond(1, 1),
}
IS_ON: tuple[Test, Test] = (lambda a, b: share_within(a, b) >= ON and area(a) <= MAX_AREA_ON * area(b),
                            lambda a, b: share_within(a, b) <= NOT_ON)
