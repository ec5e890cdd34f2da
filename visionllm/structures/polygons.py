"""Conversion of masks to polygons with a given number of points, and back.

A language model represents a mask as a polygon of N points, so their choice matters: the vertices whose removal would
change the area most are kept (Visvalingam's algorithm), instead of points at equal distances along the contour.

Dimensions: n points or polygons, N points per polygon, H x W pixels.
"""

import heapq

import cv2
import numpy as np
import torch
from contourpy import contour_generator
from mmdet.structures.mask import PolygonMasks
from numpy.typing import NDArray
from pycocotools import mask as mask_utils
from torch import Tensor

Contour = NDArray[np.floating]  # float[n, 2], (x, y) in image coordinates; the first point is not repeated at the end
MIN_PART_AREA = 0.1  # relative to the largest part; smaller parts of predicted masks are noise


def parts_to_polygon(parts: list[Contour], count: int) -> Contour:
    """One polygon of ``count`` points for all parts of an object.

    Args:
        parts: Contours ``float[n, 2]`` with n >= 3.
        count: 3 or more.

    Returns:
        ``float[count, 2]``, clockwise, starting at the point nearest to 12 o'clock.
    """
    return canonical_start(resample_polygon(merge_parts(parts), count))


def canonical_start(contour: Contour) -> Contour:
    """Order the points ``float[n, 2]`` of a contour canonically: clockwise in the image, starting at the point whose
    direction from the center of the bounding box is nearest to 12 o'clock."""
    if signed_area(contour) < 0:
        contour = contour[::-1]
    x, y = (contour - (contour.min(0) + contour.max(0)) / 2).T
    return np.roll(contour, -int(np.abs(np.arctan2(x, -y)).argmin()), 0)


def merge_parts(parts: list[Contour]) -> Contour:
    """Join all parts of an object to one contour, by bridges of zero width between nearest points.

    Holes that are annotated as parts are filled, as in COCO.

    Args:
        parts: At least one contour ``float[n, 2]`` with n >= 3.

    Returns:
        ``float[m, 2]``.
    """
    contour, *others = sorted(parts, key=lambda part: abs(signed_area(part)), reverse=True)
    for part in others:
        distance = ((contour[:, None] - part[None])**2).sum(-1)
        i, j = np.unravel_index(distance.argmin(), distance.shape)
        contour = np.concatenate([contour[:i + 1], part[j:], part[:j + 1], contour[i:]])
    return contour


def polygons_to_masks(contours: NDArray[np.floating], height: int, width: int) -> NDArray[np.bool_]:
    """Rasterize polygons ``float[n, N, 2]``, in pixels, to masks ``bool[n, H, W]`` by COCO's rule."""
    if not len(contours):
        return np.zeros((0, height, width), bool)
    rles = mask_utils.frPyObjects(contours.reshape(len(contours), -1).astype(float).tolist(), height, width)
    return np.moveaxis(mask_utils.decode(rles), -1, 0).astype(bool)


def polygon_masks_to_rles(masks: PolygonMasks) -> list[dict]:
    """COCO's run-length code of each mask."""
    size = masks.height, masks.width
    return [mask_utils.merge(mask_utils.frPyObjects([each.tolist() for each in polygons], *size))
            for polygons in masks.masks]


def mask_to_contours(mask: NDArray[np.uint8]) -> list[Contour]:
    """Contours ``float[n, 2]``, in pixels, of the connected components of a mask ``uint8[H, W]``; holes are filled."""
    # upsampled, so that contours follow the edges of pixels instead of their centers
    upsampled = np.repeat(np.repeat(mask, 2, 0), 2, 1)
    contours, _ = cv2.findContours(upsampled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(contour[:, 0] + 0.5) / 2 for contour in contours if len(contour) >= 3]


def mask_logits_to_contour(logits: NDArray[np.floating]) -> Contour | None:
    """One contour of the region of positive logits ``float[H, W]``, with subpixel accuracy.

    Parts smaller than ``MIN_PART_AREA`` of the largest are left out.

    Returns:
        ``float[n, 2]`` in [0, 1] of the map's width and height; None if no logit is positive.
    """
    height, width = logits.shape
    x, y = ((np.arange(-1, side + 1) + 0.5) / side for side in (width, height))
    padded = np.pad(logits, 1, constant_values=min(logits.min(), -1))  # closes contours at the border
    points, offsets = contour_generator(x, y, padded, fill_type='OuterOffset').filled(0, np.inf)
    parts = [each[:ends[1] - 1].clip(0, 1) for each, ends in zip(points, offsets)]  # outer contours, without holes
    if not parts:
        return None
    areas = [abs(signed_area(part)) for part in parts]
    return merge_parts([part for part, area in zip(parts, areas) if area >= MIN_PART_AREA * max(areas)])


def polygons_to_soft_masks(contours: Tensor, side: int) -> Tensor:
    """Rasterize polygons with antialiasing.

    Args:
        contours: ``float[n, N, 2]`` in [0, 1].
        side: Height and width of the masks in pixels.

    Returns:
        ``float[n, side, side]``, the covered fraction of each pixel.
    """
    fine_side = 4 * side
    masks = polygons_to_masks(contours.detach().cpu().numpy() * fine_side, fine_side, fine_side)
    coverage = masks.reshape(len(masks), side, 4, side, 4).mean((2, 4), dtype=np.float32)
    return torch.from_numpy(coverage).to(contours.device)


def resample_polygon(contour: Contour, count: int) -> Contour:
    """A contour with exactly ``count`` points: simplified or subdivided.

    Args:
        contour: ``float[n, 2]``, n >= 3.
        count: 3 or more.

    Returns:
        ``float[count, 2]``.
    """
    return simplify(contour, count) if len(contour) > count else subdivide(contour, count)


def resample_evenly(contour: Contour, count: int) -> Contour:
    """``count`` points at equal distances along a contour: ``float[n, 2]`` to ``float[count, 2]``.

    As regression targets they vary continuously with the shape, unlike selected vertices.
    """
    closed = np.concatenate([contour, contour[:1]])
    arc_length = np.concatenate([[0], np.hypot(*np.diff(closed, axis=0).T).cumsum()])
    samples = np.linspace(0, arc_length[-1], count, endpoint=False)
    return np.stack([np.interp(samples, arc_length, axis) for axis in closed.T], 1)


def simplify(contour: Contour, count: int) -> Contour:
    """Visvalingam's algorithm: ``float[n, 2]`` to ``float[count, 2]``.

    Removes repeatedly the vertex of the smallest triangle with its neighbours; O(n log n).
    """
    size = len(contour)
    previous, following = np.arange(size) - 1, (np.arange(size) + 1) % size
    previous[0] = size - 1
    areas = [_triangle_area(contour[previous[i]], contour[i], contour[following[i]]) for i in range(size)]
    heap = [(area, i) for i, area in enumerate(areas)]
    heapq.heapify(heap)
    kept = np.ones(size, bool)
    remaining = size
    while remaining > count:
        area, i = heapq.heappop(heap)
        if not kept[i] or area != areas[i]:
            continue  # outdated entry: a neighbour was removed
        kept[i] = False
        remaining -= 1
        a, b = previous[i], following[i]
        following[a], previous[b] = b, a
        for j in (a, b):
            areas[j] = _triangle_area(contour[previous[j]], contour[j], contour[following[j]])
            heapq.heappush(heap, (areas[j], j))
    return contour[kept]


def subdivide(contour: Contour, count: int) -> Contour:
    """Add points on edges, so that the longest segment is as short as possible: ``float[n, 2]`` to
    ``float[count, 2]``."""
    edges = np.roll(contour, -1, 0) - contour
    lengths = np.hypot(*edges.T)
    segments = np.ones(len(contour), int)  # per edge
    for _ in range(count - len(contour)):
        segments[np.argmax(lengths / segments)] += 1
    return np.concatenate([start + edge * np.arange(n)[:, None] / n
                           for start, edge, n in zip(contour, edges, segments)])


def signed_area(contour: Contour) -> float:
    """Area of a contour ``float[n, 2]``, positive if it is clockwise in the image."""
    x, y = contour.T
    return (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2


def _triangle_area(a: Contour, b: Contour, c: Contour) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2
