import json

import numpy as np
import pytest
import torch
from faster_coco_eval import COCO, COCOeval_faster
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as mask_utils

from visionllm.structures.polygons import (
    canonical_start,
    mask_logits_to_contour,
    mask_to_contours,
    merge_parts,
    parts_to_polygon,
    polygons_to_masks,
    polygons_to_soft_masks,
    resample_evenly,
    resample_polygon,
)


def star(points: int, seed: int) -> np.ndarray:
    """A random ring."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, points))
    radii = rng.uniform(20, 100, points)
    return np.stack([200 + radii * np.cos(angles), 200 + radii * np.sin(angles)], -1)


@settings(deadline=None, max_examples=50)
@given(points=st.integers(3, 80), count=st.integers(3, 64), seed=st.integers(0, 999))
def test_a_ring_has_the_points_that_were_asked_for(points, count, seed):
    contour = star(points, seed)
    found = resample_polygon(contour, count)
    assert found.shape == (count, 2)
    if count >= points:  # nothing is lost
        assert {tuple(p) for p in contour} <= {tuple(p) for p in found}
        assert area(found) == pytest.approx(area(contour))
    else:
        assert {tuple(p) for p in found} <= {tuple(p) for p in contour}


def area(contour: np.ndarray) -> float:
    x, y = contour.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def test_the_vertices_that_matter_are_kept():
    corners = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
    assert np.array_equal(np.sort(resample_polygon(resample_polygon(corners, 40), 4), 0), np.sort(corners, 0))


@settings(deadline=None, max_examples=30)
@given(points=st.integers(3, 40), turn=st.integers(0, 40), seed=st.integers(0, 999), mirrored=st.booleans())
def test_how_a_ring_was_drawn_does_not_matter(points, turn, seed, mirrored):
    contour = star(points, seed)
    other = np.roll(contour[::-1] if mirrored else contour, turn, 0)
    assert np.allclose(canonical_start(contour), canonical_start(other))


def test_a_ring_goes_clockwise_from_the_top():
    diamond = np.array([[5, 0], [0, 5], [5, 10], [10, 5]], float)
    assert parts_to_polygon([diamond], 4).tolist() == [[5, 0], [10, 5], [5, 10], [0, 5]]


def test_parts_are_joined_without_area():
    near, far = np.array([[0, 0], [4, 0], [4, 4], [0, 4.]]), np.array([[9, 1], [12, 1], [12, 3], [9, 3.]])
    contour = merge_parts([far, near])
    assert area(contour) == pytest.approx(16 + 6)
    assert len(contour) == 4 + 4 + 2


def test_a_mask_comes_back_from_its_rings():
    mask = np.zeros((40, 50), np.uint8)
    mask[5:20, 7:30] = 1
    mask[25:31, 40:49] = 1
    contour = merge_parts(mask_to_contours(mask))
    again = mask_utils.decode(mask_utils.merge(mask_utils.frPyObjects([contour.ravel().tolist()], 40, 50)))
    assert (again != mask).mean() < 0.005


@settings(deadline=None, max_examples=30)
@given(lobes=st.integers(1, 5), depth=st.floats(0, 0.4), turn=st.floats(0, 6))
def test_a_ring_comes_back_from_its_soft_mask(lobes, depth, turn):
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radii = 0.4 * (1 - depth + depth * np.cos(lobes * angles + turn))
    contour = 0.5 + (radii * np.stack([np.cos(angles), np.sin(angles)])).T
    mask = polygons_to_soft_masks(torch.from_numpy(contour[None]), 48)[0].numpy()
    found = mask_logits_to_contour(mask - 0.5)
    shares = polygons_to_masks(np.stack([resample_evenly(each * 480, 400) for each in (contour, found)]), 480, 480)
    assert (shares[0] & shares[1]).sum() > 0.95 * (shares[0] | shares[1]).sum()


def test_edges_lie_between_pixels_where_they_must():
    logits = np.tile([-3.0, -1.0, 3.0, 3.0, 1.0, -1.0], (6, 1))  # positive from 1.75 to 5 pixels' sides
    logits[[0, -1]] = -9
    contour = mask_logits_to_contour(logits)
    assert contour[:, 0].min() == pytest.approx(1.75 / 6) and contour[:, 0].max() == pytest.approx(5 / 6)


def test_a_cut_ring_stays_open_and_a_whole_one_is_filled():
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    radius = np.hypot(x, y)
    whole = np.minimum(radius - 0.5, 0.9 - radius)
    cut = np.where((x > 0) & (abs(y) < 0.2), -1, whole)
    assert area(mask_logits_to_contour(whole)) == pytest.approx(np.pi * 0.9**2 / 4, rel=0.05)
    assert area(mask_logits_to_contour(cut)) == pytest.approx((cut > 0).mean(), rel=0.05)


def test_parts_belong_to_an_object_and_specks_do_not():
    logits = np.full((20, 20), -1.0)
    logits[2:8, 2:8] = logits[12:18, 2:8] = 1
    logits[5, 15] = 1
    contour = mask_logits_to_contour(logits)
    assert contour[:, 0].max() < 0.45 and contour[:, 1].max() > 0.85
    assert area(contour) == pytest.approx(2 * 36 / 400, rel=0.02)


def test_nothing_has_no_outline_and_everything_its_maps_border():
    assert mask_logits_to_contour(np.full((8, 8), -1.0)) is None
    assert area(mask_logits_to_contour(np.full((8, 8), 50.0))) == pytest.approx(1, rel=0.15)


def reencoded_ap(truth: dict, count: int) -> float:
    """Mask AP of the annotations themselves, as one ring of ``count`` points in 1025 bins."""
    images = {image['id']: image for image in truth['images']}
    records = []
    for ann in truth['annotations']:
        if ann['iscrowd']:
            continue
        image = images[ann['image_id']]
        size = np.array([image['width'], image['height']])
        x, y, w, h = ann['bbox']
        center = np.array([x + w / 2, y + h / 2]) / size
        contour = resample_polygon(merge_parts([np.reshape(part, (-1, 2)) for part in ann['segmentation']]), count)
        contour = (np.round((contour / size - center) * 512) / 512 + center) * size
        rle = mask_utils.merge(mask_utils.frPyObjects([contour.ravel().tolist()], image['height'], image['width']))
        records.append(dict(image_id=ann['image_id'], category_id=ann['category_id'], score=1.0,
                            segmentation=dict(rle, counts=rle['counts'].decode())))
    coco = COCO(truth, use_deepcopy=True)
    evaluation = COCOeval_faster(coco, coco.loadRes(records), iouType='segm')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return 100 * evaluation.stats[0]


@pytest.mark.parametrize('count, bar', [(24, 94.0), (8, 78.0)])
def test_the_representation_costs_little_on_coco(data, count, bar):
    truth = json.loads((data / 'coco-mini/annotations/instances_val2017.json').read_text())
    assert reencoded_ap(truth, count) >= bar


def test_points_at_equal_distances():
    square = np.array([[0., 0.], [8., 0.], [8., 8.], [0., 8.]])
    contour = resample_evenly(square, 16)
    assert np.allclose(np.hypot(*(np.roll(contour, -1, 0) - contour).T), 2) and contour[0].tolist() == [0, 0]
    assert {tuple(point) for point in square} <= {tuple(point) for point in contour}
