"""Outlines with a given number of points.

A language model answers a mask as N points, so which N matters: the vertices whose removal would change the area most
are kept (Visvalingam's rule), not points at equal distances along the outline (tests/structures/test_polygons.py
measures what that costs on COCO).
"""

import heapq

import cv2
import numpy as np
import torch
from contourpy import contour_generator
from numpy.typing import NDArray
from pycocotools import mask as mask_utils
from torch import Tensor

Ring = NDArray[np.floating]  # [n, 2], x right and y down, not closed
SPECK = 0.1  # of the largest part's area: what is smaller is doubt, not a part


def ring_of(parts: list[Ring], count: int) -> Ring:
    """An object as ``count`` points, clockwise from the one nearest 12 o'clock: ``float[count, 2]``.

    Args:
        parts: Its rings, each of three points or more.
        count: 3 or more.
    """
    return from_the_top(resample(outline(parts), count))


def from_the_top(ring: Ring) -> Ring:
    """The same ring, clockwise on the screen, starting at the point that seen from its box's centre is nearest up."""
    if _signed_area(ring) < 0:
        ring = ring[::-1]
    across, down = (ring - (ring.min(0) + ring.max(0)) / 2).T
    return np.roll(ring, -int(np.abs(np.arctan2(across, -down)).argmin()), 0)


def outline(parts: list[Ring]) -> Ring:
    """One ring around all parts of an object: each part hangs on the rest by a bridge of no width.

    Holes that an annotation draws as parts become filled, as they do in COCO.

    Args:
        parts: At least one ring of three points or more.
    """
    ring, *others = sorted(parts, key=lambda part: abs(_signed_area(part)), reverse=True)
    for part in others:
        distance = ((ring[:, None] - part[None])**2).sum(-1)
        i, j = np.unravel_index(distance.argmin(), distance.shape)
        ring = np.concatenate([ring[:i + 1], part[j:], part[:j + 1], ring[i:]])
    return ring


def fill_rings(rings: NDArray[np.floating], height: int, width: int) -> NDArray[np.bool_]:
    """Masks ``bool[n, H, W]`` of rings ``float[n, N, 2]``, as COCO fills them."""
    if not len(rings):
        return np.zeros((0, height, width), bool)
    runs = mask_utils.frPyObjects(rings.reshape(len(rings), -1).astype(float).tolist(), height, width)
    return np.moveaxis(mask_utils.decode(runs), -1, 0).astype(bool)


def rings_of_mask(mask: NDArray[np.uint8]) -> list[Ring]:
    """Outlines of a mask's parts ``uint8[H, W]``, along pixel edges; holes are filled."""
    # each pixel as 2 x 2, so that contours run along the edges of pixels and not through their centres
    grown = np.repeat(np.repeat(mask, 2, 0), 2, 1)
    contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(contour[:, 0] + 0.5) / 2 for contour in contours if len(contour) >= 3]


def ring_of_logits(logits: NDArray[np.floating]) -> Ring | None:
    """One ring around where logits ``float[H, W]`` are positive, between pixels where it must, in [0, 1] of the map's
    sides; none where nothing is."""
    height, width = logits.shape
    x, y = ((np.arange(-1, side + 1) + 0.5) / side for side in (width, height))
    around = np.pad(logits, 1, constant_values=min(logits.min(), -1))  # outside the map nothing is
    points, offsets = contour_generator(x, y, around, fill_type='OuterOffset').filled(0, np.inf)
    parts = [each[:ends[1] - 1].clip(0, 1) for each, ends in zip(points, offsets)]  # the outer ring of each, opened
    areas = [abs(_signed_area(part)) for part in parts]
    return outline([part for part, area in zip(parts, areas) if area >= SPECK * max(areas)]) if parts else None


def soft_masks(rings: Tensor, side: int) -> Tensor:
    """How much of each pixel rings ``float[n, N, 2]``, in [0, 1] of the map, fill: ``float[n, side, side]``."""
    finer = 4 * side
    masks = fill_rings(rings.detach().cpu().numpy() * finer, finer, finer)
    shares = masks.reshape(len(masks), side, 4, side, 4).mean((2, 4), dtype=np.float32)
    return torch.from_numpy(shares).to(rings.device)


def resample(ring: Ring, count: int) -> Ring:
    """The ring with exactly ``count`` points: its vertices that matter most, or its longest edges halved.

    Args:
        ring: ``float[n, 2]``, n >= 3.
        count: 3 or more.
    """
    return simplify(ring, count) if len(ring) > count else subdivide(ring, count)


def evenly(ring: Ring, count: int) -> Ring:
    """``count`` points at equal distances along the ring: an outline to learn, the same for much the same shape."""
    closed = np.concatenate([ring, ring[:1]])
    along = np.concatenate([[0], np.hypot(*np.diff(closed, axis=0).T).cumsum()])
    places = np.linspace(0, along[-1], count, endpoint=False)
    return np.stack([np.interp(places, along, axis) for axis in closed.T], 1)


def simplify(ring: Ring, count: int) -> Ring:
    """Take away, again and again, the vertex that spans the smallest triangle with its neighbours; O(n log n)."""
    size = len(ring)
    before, after = np.arange(size) - 1, (np.arange(size) + 1) % size
    before[0] = size - 1
    area = [_triangle(ring[before[i]], ring[i], ring[after[i]]) for i in range(size)]
    heap = [(value, i) for i, value in enumerate(area)]
    heapq.heapify(heap)
    kept = np.ones(size, bool)
    left = size
    while left > count:
        value, i = heapq.heappop(heap)
        if not kept[i] or value != area[i]:
            continue  # an older entry of a vertex whose neighbours changed
        kept[i] = False
        left -= 1
        a, b = before[i], after[i]
        after[a], before[b] = b, a
        for j in (a, b):
            area[j] = _triangle(ring[before[j]], ring[j], ring[after[j]])
            heapq.heappush(heap, (area[j], j))
    return ring[kept]


def subdivide(ring: Ring, count: int) -> Ring:
    """Put points on the edges, so that the longest piece is as short as can be."""
    edges = np.roll(ring, -1, 0) - ring
    lengths = np.hypot(*edges.T)
    pieces = np.ones(len(ring), int)
    for _ in range(count - len(ring)):
        pieces[np.argmax(lengths / pieces)] += 1
    return np.concatenate([start + edge * np.arange(n)[:, None] / n for start, edge, n in zip(ring, edges, pieces)])


def _signed_area(ring: Ring) -> float:
    """Positive where the ring goes clockwise on the screen."""
    x, y = ring.T
    return (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2


def _triangle(a: Ring, b: Ring, c: Ring) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2
