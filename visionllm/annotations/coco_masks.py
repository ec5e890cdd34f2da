"""COCO's segmentations: polygons ``[x1, y1, x2, y2, ...]`` in pixels, and run-length codes (RLE).

A run-length code holds the lengths of runs of 0 and 1 in turn, column by column, as a list or as a text of them.
"""

import re
from itertools import chain

import numpy as np
from pycocotools import mask as mask_utils

from visionllm.structures.boxes import to_xywh
from visionllm.structures.polygons import mask_to_contours

_NUMBERS = {int, float}
_CODE = re.compile(rb'[0-o]*[0-O]')  # six bits a character; the last one of a number has no sixth bit set


def repair_segmentation(segmentation: list | dict, height: int, width: int) -> list[list[float]] | dict | None:
    """Check a segmentation, and read a polygon of ``[x, y]`` points, or one that is alone, as polygons.

    Args:
        segmentation: As in the file.
        height: Of the image.
        width: Of the image.

    Returns:
        The same object if it is sound; polygons if it has been repaired; None if it cannot be read.
    """
    if isinstance(segmentation, dict):
        return _repair_code(segmentation, height, width)
    polygons = _repair_polygons(segmentation) if isinstance(segmentation, list) else None
    return polygons if polygons is not None and _are_near(polygons, max(height, width)) else None


def _are_near(polygons: list[list[float]], side: int) -> bool:
    """Whether polygons leave the image by less than a side; one of a place far away would fill the memory."""
    return all(not polygon or -side <= min(polygon) and max(polygon) <= 2 * side for polygon in polygons)


def _repair_polygons(segmentation: list) -> list[list[float]] | None:
    if type(segmentation[0]) in _NUMBERS:
        return [segmentation] if _is_polygon(segmentation) else None
    if all(map(_is_point, segmentation)):  # one polygon of [x, y] points
        return [[*chain.from_iterable(segmentation)]]
    if all(map(_is_polygon, segmentation)):
        return segmentation
    polygons = [[*chain.from_iterable(each)] if isinstance(each, list) and each and all(map(_is_point, each)) else each
                for each in segmentation]
    return polygons if all(map(_is_polygon, polygons)) else None


def _is_polygon(values: object) -> bool:
    """Whether these are finite numbers, in pairs; a polygon of less than three points is one that is left out."""
    return (type(values) is list and len(values) % 2 == 0 and {*map(type, values)} <= _NUMBERS
            and bool(np.isfinite(sum(values))))


def _is_point(values: object) -> bool:
    return type(values) is list and len(values) == 2 and {*map(type, values)} <= _NUMBERS


def _repair_code(code: dict, height: int, width: int) -> dict | None:
    counts, size = code.get('counts'), [height, width]
    runs = runs_of(counts)
    if runs is None or code.get('size') not in (None, size) or runs.sum() != height * width or (runs < 0).any():
        return None
    return code if code.get('size') else {**code, 'size': size}


def runs_of(counts: object) -> np.ndarray | None:
    """Lengths of the runs ``int[n]`` of a run-length code; None if it is none.

    Args:
        counts: The ``counts``: the lengths, or COCO's text of them: 5 bits a character of the difference of each length
            and the one before the last, the sixth bit set where more follow.
    """
    if isinstance(counts, list):
        is_whole = {*map(type, counts)} <= {int} and max(map(abs, counts), default=0) < 2**40
        return np.array(counts, np.int64) if is_whole else None
    text = counts.encode('ascii', 'replace') if isinstance(counts, str) else b''
    if not _CODE.fullmatch(text):
        return None
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    ends = ((codes & 0x20) == 0).nonzero()[0]
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > 7:
        return None
    index = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((codes & 0x1f) << (5 * index), starts)
    negative = (codes[ends] & 0x10) != 0
    values -= negative * (1 << (5 * (ends - starts + 1)))
    runs = values.copy()
    runs[1::2], runs[2::2] = values[1::2].cumsum(), values[2::2].cumsum()
    return runs


def segmentation_to_polygons(segmentation: list | dict, height: int, width: int) -> list[list[float]]:
    """Convert a COCO segmentation to polygons.

    Args:
        segmentation: List of polygons, or an RLE, compressed or not.
        height: Image height in pixels.
        width: Image width in pixels.

    Returns:
        Polygons ``[x1, y1, x2, y2, ...]`` of three points or more, in pixels.
    """
    if isinstance(segmentation, dict):
        counts = segmentation['counts']
        rle = mask_utils.frPyObjects(segmentation, height, width) if isinstance(counts, list) else segmentation
        return [contour.ravel().tolist() for contour in mask_to_contours(mask_utils.decode(rle))]
    return [polygon for polygon in segmentation if len(polygon) >= 6]


def area_of_segmentation(segmentation: list | dict | None, height: int, width: int) -> float:
    """Area in pixels, as COCO computes it; 0 without a segmentation."""
    if isinstance(segmentation, dict):
        return float(runs_of(segmentation['counts'])[1::2].sum())
    polygons = segmentation_to_polygons(segmentation or [], height, width)
    if not polygons:
        return 0.0
    return float(mask_utils.area(mask_utils.merge(mask_utils.frPyObjects(polygons, height, width))))


def box_of_segmentation(segmentation: list | dict | None, height: int, width: int) -> list[float] | None:
    """The box ``[x, y, width, height]`` around a mask; None without one."""
    polygons = segmentation_to_polygons(segmentation or [], height, width)
    if not polygons:
        return None
    points = np.concatenate(polygons).reshape(-1, 2)
    return to_xywh([*points.min(0).tolist(), *points.max(0).tolist()])


def box_to_polygon(box: list[float]) -> list[float]:
    """The corners of a box ``(x, y, width, height)`` as a COCO polygon ``[x1, y1, x2, y2, ...]``."""
    x, y, width, height = box
    return [x, y, x + width, y, x + width, y + height, x, y + height]
