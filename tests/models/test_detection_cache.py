import numpy as np
import pytest
import torch

from visionllm.models.detection_cache import DetectionCache
from visionllm.structures import Detections
from visionllm.structures.detections import MIN_SCORE

RED, GREEN, BLUE, LARGE = (np.full((side, side, 3), value, np.uint8) for side, value in
                           ((4, 10), (4, 20), (4, 30), (6, 40)))


@pytest.fixture
def detect():
    """A detector that finds as many objects as the image is wide, and what it was asked."""
    def detector(images):
        detector.asked.append([int(image[0, 0, 0]) for image in images])
        count = max(image.shape[1] for image in images)
        values = torch.tensor([float(image[0, 0, 0]) for image in images])[:, None, None].expand(-1, count, 4)
        return Detections(values / 100, values[..., :2] / 10, values[..., :3])
    detector.asked = []
    return detector


def test_pixels_decide(detect):
    cache = DetectionCache(8)
    cache.get_or_detect([RED], detect)
    cache.get_or_detect([RED.copy()], detect)
    assert detect.asked == [[10]]
    changed = RED.copy()
    changed[2, 3, 1] += 1
    for other in (changed, RED + 1, RED.reshape(2, 8, 3), RED[:3]):  # the third has the same bytes
        assert len(detect.asked) == len(cache.detections)
        cache.get_or_detect([other], detect)
    assert len(detect.asked) == 5


def test_a_batch_of_known_and_new_images(detect):
    cache = DetectionCache(8)
    cache.get_or_detect([GREEN], detect)
    found = cache.get_or_detect([LARGE, GREEN, RED, LARGE], detect)
    assert detect.asked == [[20], [40, 10]]  # the new ones, each once
    assert found.boxes.shape == (4, 6, 4)
    assert found.embeddings[:, 0, 0].tolist() == [40, 20, 10, 40] and found.boxes[:, 0, 0].tolist() == pytest.approx(
        [0.4, 0.2, 0.1, 0.4])
    assert torch.allclose(found.class_logits[1, 4:].sigmoid(), torch.tensor(MIN_SCORE))  # padding of the smaller one
    assert (found.boxes[1, 4:] == 0).all()
    again = cache.get_or_detect([RED, LARGE], detect)
    assert len(detect.asked) == 2 and torch.equal(again.embeddings[1], found.embeddings[0])


def test_the_least_recently_used_is_forgotten(detect):
    cache = DetectionCache(2)
    for image in (RED, GREEN, RED, BLUE, RED):  # green is older than red when blue comes
        cache.get_or_detect([image], detect)
    assert detect.asked == [[10], [20], [30]]
    cache.get_or_detect([GREEN], detect)
    assert detect.asked[-1] == [20] and len(cache.detections) == 2


def test_a_batch_larger_than_the_cache_is_whole(detect):
    cache = DetectionCache(2)
    found = cache.get_or_detect([RED, GREEN, BLUE], detect)
    assert found.embeddings[:, 0, 0].tolist() == [10, 20, 30] and len(cache.detections) == 2
    assert cache.get_or_detect([RED, GREEN, BLUE], detect).embeddings[:, 0, 0].tolist() == [10, 20, 30]
    assert detect.asked == [[10, 20, 30], [10]]


def test_without_a_cache_everything_is_detected(detect):
    cache = DetectionCache(0)
    for _ in range(2):
        assert cache.get_or_detect([RED, GREEN], detect).embeddings[:, 0, 0].tolist() == [10, 20]
    assert detect.asked == [[10, 20], [10, 20]] and not cache.detections
