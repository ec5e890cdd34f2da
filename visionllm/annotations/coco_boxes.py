"""Boxes of a COCO file, ``[x, y, width, height]`` in pixels.

Dimensions: n annotations.
"""

import math

import numpy as np

from .coco_masks import box_of_segmentation
from .findings import MEND, Findings, Kind, describe, keep

BAD_BOX = Kind('annotations whose bbox is not four finite numbers', MEND)
RELATIVE_BOXES = Kind('boxes in 0 to 1', 'COCO\'s boxes are in pixels: multiply them by the width and height.')
CORNER_BOXES = Kind('boxes that leave their image as (x, y, width, height) and fit as corners (x1, y1, x2, y2)',
                    'Write the width and height in place of the second corner.')
BOX_OF_MASK = Kind('boxes are taken from the outlines')
OUTSIDE = Kind('boxes that are empty or outside their image are skipped in training')


def check_boxes(annotations: list[dict], images: dict[int, dict], findings: Findings) -> list[dict]:
    """The annotations with a box that training can use, or that it skips; boxes that are missing are those of masks.

    Args:
        annotations: COCO records, which are changed in place.
        images: Image records by id.
        findings: To which faults and repairs are added.
    """
    derived = [ann for ann in annotations if ann.get('bbox') is None and ann.get('segmentation')]
    for ann in derived:
        image = images[ann['image_id']]
        ann['bbox'] = box_of_segmentation(ann['segmentation'], image['height'], image['width'])
    findings.report(BOX_OF_MASK, map(describe, derived))
    annotations = keep(annotations, lambda ann: _is_box(ann.get('bbox')), BAD_BOX, findings)
    if not annotations:
        return annotations
    boxes = np.array([ann['bbox'] for ann in annotations], float)
    sizes = {i: (image['width'], image['height']) for i, image in images.items()}
    sizes = np.array([sizes[ann['image_id']] for ann in annotations], float)
    for kind, suspicious in ((RELATIVE_BOXES, _are_relative(boxes, sizes)), (CORNER_BOXES, _are_corners(boxes, sizes))):
        if suspicious.any():
            findings.report(kind, (describe(annotations[i]) for i in suspicious.nonzero()[0]))
            return [ann for ann, is_bad in zip(annotations, suspicious) if not is_bad]
    outside = are_outside(boxes, sizes).nonzero()[0]
    findings.report(OUTSIDE, (describe(annotations[i]) for i in outside))
    return annotations


def are_outside(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """``bool[n]``: which boxes are empty (less than a pixel wide or high) or do not overlap their image.

    Args:
        boxes: ``float[n, 4]``, (x, y, width, height) in pixels.
        sizes: ``float[n, 2]``, width and height of their images.
    """
    low, high = boxes[:, :2].clip(0), np.minimum(boxes[:, :2] + boxes[:, 2:], sizes)
    return ~((high > low) & (boxes[:, 2:] >= 1)).all(1)


def _are_relative(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """All boxes, if none of them is larger than a pixel nor further than one from the corner of the image."""
    relative = (boxes >= 0).all() and (boxes <= 1).all() and (boxes[:, 2:] > 0).any() and sizes.max() > 2
    return np.full(len(boxes), relative)


def _are_corners(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Boxes that leave their image, if a quarter do, and all boxes are corners of boxes within it."""
    leaving = (boxes[:, :2] + boxes[:, 2:] > 1.1 * sizes).any(1)
    within = (boxes[:, 2:] > boxes[:, :2]).all() and (boxes[:, 2:] <= sizes + 1).all()
    return leaving & within & (leaving.mean() >= 0.25)


def _is_box(box: object) -> bool:
    return (type(box) is list and len(box) == 4 and {*map(type, box)} <= {int, float}
            and all(map(math.isfinite, box)))
