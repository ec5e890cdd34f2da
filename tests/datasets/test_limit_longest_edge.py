import numpy as np
import pytest
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks

from visionllm.datasets import LimitLongestEdge


def annotated(height, width):
    corners = np.array([width / 4, height / 4, width / 2, height / 2], np.float32)
    triangle = corners[[0, 1, 2, 1, 2, 3]]
    return dict(img=np.full((height, width, 3), 7, np.uint8), img_shape=(height, width), scale_factor=(1.0, 1.0),
                gt_bboxes=HorizontalBoxes(corners[None]), gt_masks=PolygonMasks([[triangle]], height, width))


@pytest.mark.parametrize('shape', [(1333, 1000), (2, 1333), (480, 640)])
def test_images_up_to_the_limit_stay_as_they_are(shape):
    results = annotated(*shape)
    assert LimitLongestEdge()(results) is results
    assert results['img'].shape[:2] == shape and results['scale_factor'] == (1.0, 1.0)


@pytest.mark.parametrize('shape', [(3024, 4032), (4032, 3024), (1000, 1334), (20, 5000)])
def test_larger_ones_are_as_large_as_the_limit_with_their_objects(shape):
    results = LimitLongestEdge()(annotated(*shape))
    height, width = results['img'].shape[:2]
    assert max(height, width) == 1333 and results['img_shape'] == (height, width)
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.03, abs=1 / 1333)
    assert results['scale_factor'] == pytest.approx((width / shape[1], height / shape[0]))
    corners = [width / 4, height / 4, width / 2, height / 2]
    assert results['gt_bboxes'].tensor[0].tolist() == pytest.approx(corners, rel=1e-4)
    assert results['gt_masks'].masks[0][0].reshape(3, 2).max(0).tolist() == pytest.approx(corners[2:], rel=0.05)
