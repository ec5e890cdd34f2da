import pytest

from visionllm.apis.studies import rounded


def test_corners_are_rounded_to_the_bins_of_offsets():
    record = dict(image_id=1, bbox=[10.4, 21.0, 30.0, 7.7], score=0.5)
    coarse = rounded(record, {1: (128, 64)}, 129)  # steps of 2 and of 1 pixels
    assert coarse == dict(image_id=1, bbox=[10.0, 21.0, 30.0, 8.0], score=0.5)
    fine = rounded(record, {1: (128, 64)}, 100_001)
    assert fine['bbox'] == pytest.approx(record['bbox'], abs=0.002)
