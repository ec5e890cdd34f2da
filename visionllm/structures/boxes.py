"""Boxes as COCO writes them."""

from collections.abc import Sequence


def to_xywh(box: Sequence[float]) -> list[float]:
    """Left, top, width and height of a box x1, y1, x2, y2."""
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
