"""TensorFlow's SSDs in OpenCV: the adapter says what the network reports."""

import cv2
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh

from visionllm.assets import AssetError, resolve
from visionllm.errors import ConfigError
from visionllm.models import OpenCVDetector
from visionllm.models.detectors.label_sets import COCO_IDS
from visionllm.models.detectors.opencv import DETECTIONS, anchor_tokens
from visionllm.structures.detections import MIN_SCORE

from .conftest import flatten

SOURCE = 'wheel:ssd-mobilenet-v2-coco'
SCORES = st.sampled_from([0.25, 0.5, 0.75, 0.875])  # few, so that anchors have equal scores


@pytest.fixture(scope='module')
def detector():
    try:
        resolve(SOURCE)
    except AssetError as error:
        pytest.skip(str(error))
    return OpenCVDetector(SOURCE)


def test_the_tokens_are_what_the_network_reports(detector, photographs):
    together = detector(photographs)
    for b, image in enumerate(photographs):
        detector.net.setInput(cv2.dnn.blobFromImage(image, size=(300, 300)))
        reported = torch.from_numpy(detector.net.forward(DETECTIONS)[0, 0].copy())
        reported = reported[reported[:, 2].argsort(descending=True)]
        scores, labels, boxes = flatten(together.select(b), len(reported))
        assert len(reported) > 50 and scores[0] > 0.5 and torch.allclose(scores, reported[:, 2], atol=1e-5)
        assert [COCO_IDS[label] for label in labels] == reported[:, 1].tolist()
        assert torch.allclose(boxes, reported[:, 3:], atol=1e-5)
        named = (together.class_logits[b].sigmoid() > 2 * MIN_SCORE)
        assert named.sum() == len(reported)
        known = together.embeddings[b].sigmoid()  # holds what was reported, and what was suppressed as well
        assert torch.allclose(known[named], together.class_logits[b].sigmoid()[named], atol=1e-5)
        assert (known > 2 * MIN_SCORE).sum() > 2 * len(reported)
    joined = together.class_logits.sigmoid().gt(2 * MIN_SCORE).sum(-1)
    assert joined.max() > 1  # of an anchor with several classes


@given(st.data())
def test_every_reported_detection_is_found_once(choices):
    anchors, columns = choices.draw(st.integers(1, 6)), 5
    label_ids = sorted(choices.draw(st.sets(st.integers(1, columns - 1), min_size=1)))
    scores = torch.tensor(choices.draw(st.lists(st.lists(SCORES, min_size=columns, max_size=columns),
                                                min_size=anchors, max_size=anchors)))
    boxes = torch.arange(anchors)[:, None] / 8 + torch.tensor([0, 0, 0.125, 0.25])
    pairs = sorted(choices.draw(st.sets(st.tuples(st.integers(0, anchors - 1), st.integers(1, columns - 1)))))
    reported = torch.tensor([[label, scores[anchor, label], *boxes[anchor]] for anchor, label in pairs]).view(-1, 6)
    found = anchor_tokens(reported, scores, label_ids)
    pairs = [(anchor, label) for anchor, label in pairs if label in label_ids]
    tokens, columns = torch.nonzero(found.class_logits[0].sigmoid() > 2 * MIN_SCORE, as_tuple=True)
    again = {(*found.boxes[0, token].tolist(), label_ids[column]): found.class_logits[0, token, column].sigmoid().item()
             for token, column in zip(tokens, columns)}
    expected = {(*bbox_xyxy_to_cxcywh(boxes[anchor]).tolist(), label): scores[anchor, label].item()
                for anchor, label in pairs}
    assert len(tokens) == len(pairs) and again == pytest.approx(expected, abs=1e-5)
    assert found.boxes.shape[1] == max(1, len({anchor for anchor, _ in pairs}))
    assert torch.allclose(found.embeddings[0, tokens, columns], found.class_logits[0, tokens, columns], atol=1e-4)


def test_sources_and_names_with_a_mistake(tmp_path, detector):
    with pytest.raises(ConfigError, match='no folder with one .pb and one .pbtxt file; it holds neither'):
        OpenCVDetector(str(tmp_path))
    with pytest.raises(ConfigError, match='has scores for 80 classes, and label_set names 2: 2 classes cat, dog.'):
        OpenCVDetector(SOURCE, label_set=['cat', 'dog'])
    (tmp_path / 'a.pb').write_text('no network')
    with pytest.raises(ConfigError, match=r'it holds a\.pb'):
        OpenCVDetector(str(tmp_path))
    (tmp_path / 'a.pbtxt').write_text('no graph')
    with pytest.raises(ConfigError, match='is no network that OpenCV can read'):
        OpenCVDetector(str(tmp_path))
