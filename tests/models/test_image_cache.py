import numpy as np
import pytest
import torch

from visionllm.models.image_cache import ImageCache
from visionllm.structures import Detections
from visionllm.structures.detections import MIN_SCORE, pad_detections

RED, GREEN, BLUE, LARGE = (np.full((side, side, 3), value, np.uint8) for side, value in
                           ((4, 10), (4, 20), (4, 30), (6, 40)))


@pytest.fixture
def detect():
    """A detector that finds as many objects as an image is wide, and what it was asked."""
    def detector(images):
        detector.asked.append([int(image[0, 0, 0]) for image in images])
        return [detections(int(image[0, 0, 0]), image.shape[1]) for image in images]
    detector.asked = []
    return detector


def detections(value, count):
    values = torch.full((1, count, 4), float(value))
    return Detections(values / 100, values[..., :2] / 10, values[..., :3])


def values(found):
    return [int(each.embeddings[0, 0, 0]) for each in found]


def test_pixels_decide(detect):
    cache = ImageCache(8)
    cache.get_or_compute([RED], detect)
    cache.get_or_compute([RED.copy()], detect)
    assert detect.asked == [[10]]
    changed = RED.copy()
    changed[2, 3, 1] += 1
    for other in (changed, RED + 1, RED.reshape(2, 8, 3), RED[:3]):  # the third has the same bytes
        assert len(detect.asked) == len(cache.results)
        cache.get_or_compute([other], detect)
    assert len(detect.asked) == 5


def test_a_batch_of_known_and_new_images(detect):
    cache = ImageCache(8)
    cache.get_or_compute([GREEN], detect)
    found = cache.get_or_compute([LARGE, GREEN, RED, LARGE], detect)
    assert detect.asked == [[20], [40, 10]]  # the new ones, each once
    assert values(found) == [40, 20, 10, 40]
    again = cache.get_or_compute([RED, LARGE], detect)
    assert len(detect.asked) == 2 and again[1] is found[0]


def test_detections_of_different_images_are_padded_to_one_batch():
    batch = pad_detections([detections(40, 6), detections(20, 4)])
    assert batch.boxes.shape == (2, 6, 4) and batch.boxes[:, 0, 0].tolist() == pytest.approx([0.4, 0.2])
    assert torch.allclose(batch.class_logits[1, 4:].sigmoid(), torch.tensor(MIN_SCORE))
    assert (batch.boxes[1, 4:] == 0).all()


def test_the_least_recently_used_is_forgotten(detect):
    cache = ImageCache(2)
    for image in (RED, GREEN, RED, BLUE, RED):  # green is older than red when blue comes
        cache.get_or_compute([image], detect)
    assert detect.asked == [[10], [20], [30]]
    cache.get_or_compute([GREEN], detect)
    assert detect.asked[-1] == [20] and len(cache.results) == 2


def test_a_batch_larger_than_the_cache_is_whole(detect):
    cache = ImageCache(2)
    found = cache.get_or_compute([RED, GREEN, BLUE], detect)
    assert values(found) == [10, 20, 30] and len(cache.results) == 2
    assert values(cache.get_or_compute([RED, GREEN, BLUE], detect)) == [10, 20, 30]
    assert detect.asked == [[10, 20, 30], [10]]


def test_without_a_cache_everything_is_detected(detect):
    cache = ImageCache(0)
    for _ in range(2):
        assert values(cache.get_or_compute([RED, GREEN], detect)) == [10, 20]
    assert detect.asked == [[10, 20], [10, 20]] and not cache.results
