"""TensorFlow's SSDs in PyTorch, beside OpenCV's ``dnn``, which reads the same files."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_xyxy_to_cxcywh

from visionllm.assets import AssetError, resolve
from visionllm.errors import ConfigError
from visionllm.models import TensorFlowSSD
from visionllm.models.detectors.label_sets import COCO_IDS
from visionllm.models.detectors.ssd_network import SSDLayers
from visionllm.models.detectors.tensorflow_graph import Graph
from visionllm.models.detectors.tensorflow_ssd import AnchorDetections
from visionllm.structures.detections import MIN_SCORE

from .conftest import flatten

SOURCE = 'wheel:ssd-mobilenet-v2-coco'
REPORTED, CLASS_SCORES, ANCHORS = 'detection_out', 'ClassPredictor/concat/sigmoid', 'PriorBox/concat'
SCORES = st.sampled_from([0.25, 0.5, 0.75, 0.875])  # few, so that anchors have equal scores


@pytest.fixture(scope='module')
def detector():
    try:
        resolve(SOURCE)
    except AssetError as error:
        pytest.skip(str(error))
    return TensorFlowSSD(SOURCE)


@pytest.fixture(scope='module')
def opencv(detector):
    """A function of an image, and of the names of layers whose values it returns."""
    def run(image, *layers):
        net = cv2.dnn.readNetFromTensorflow(*map(str, detector.files))
        net.setInput(cv2.dnn.blobFromImage(image, size=(300, 300)))
        return [torch.from_numpy(each.copy()) for each in net.forward(layers)]
    return run


def test_the_tokens_are_what_opencv_reports(detector, opencv, photographs):
    together = detector(photographs)
    for b, image in enumerate(photographs):
        reported, all_scores = opencv(image, REPORTED, CLASS_SCORES)
        reported = reported[0, 0][reported[0, 0, :, 2].argsort(descending=True)]
        scores, labels, boxes = flatten(together.select(b), len(reported))
        assert len(reported) > 50 and scores[0] > 0.5 and torch.allclose(scores, reported[:, 2], atol=1e-4)
        assert [COCO_IDS[label] for label in labels] == reported[:, 1].tolist()
        sides = torch.tensor(image.shape[1::-1]).repeat(2)
        assert ((boxes - reported[:, 3:]) * sides).abs().max() < 1e-3  # pixels
        named = together.class_logits[b].sigmoid() > 2 * MIN_SCORE
        assert named.sum() == len(reported)
        known = together.embeddings[b].sigmoid()  # holds what was reported, and what was suppressed as well
        assert torch.allclose(known[named], together.class_logits[b].sigmoid()[named], atol=1e-5)
        assert (known > 2 * MIN_SCORE).sum() > 2 * len(reported)
        anchors = all_scores.view(-1, 91)[:, COCO_IDS]
        assert torch.cdist(known[named.any(1)], anchors, p=torch.inf).min(1).values.max() < 1e-4
    joined = together.class_logits.sigmoid().gt(2 * MIN_SCORE).sum(-1)
    assert joined.max() > 1  # of an anchor with several classes


def test_anchors_and_layers_are_those_of_opencv(detector, opencv, photographs):
    names = 'FeatureExtractor/MobilenetV2/expanded_conv_13/expand/Relu6', 'BoxEncodingPredictor/concat', CLASS_SCORES
    anchors, *expected = opencv(photographs[0], ANCHORS, *names)
    corners, variances = anchors.view(2, -1, 4)
    assert torch.allclose(bbox_cxcywh_to_xyxy(detector.anchors.anchors), corners, atol=1e-6)
    assert torch.equal(detector.anchors.variances, variances)
    pixels = torch.from_numpy(cv2.dnn.blobFromImage(photographs[0], size=(300, 300)))
    layers = SSDLayers(Graph(*detector.files), names, (300, 300))
    for found, value in zip(layers(pixels), expected):
        assert found.numel() == value.numel() and (found.flatten() - value.flatten()).abs().max() < 1e-4


def test_an_image_alone_and_in_a_batch(detector, photographs):
    together = detector([*photographs, np.zeros((5, 7, 3), np.uint8), *photographs * 3])  # more than at once
    for b, image in enumerate(photographs):
        alone = detector([image])
        count = alone.boxes.shape[1]
        assert torch.allclose(together.boxes[b, :count], alone.boxes[0], atol=1e-5)
        assert torch.allclose(together.class_logits[b, :count].sigmoid(), alone.class_logits[0].sigmoid(), atol=1e-5)
        assert (together.boxes[b, count:] == 0).all()


def test_an_image_without_a_detection_has_one_empty_token(detector):
    scores = torch.zeros(4, 91)
    found = detector._select(torch.rand(4, 4), scores)
    assert found.boxes.tolist() == [[[0, 0, 0, 0]]] and (found.class_logits.sigmoid() < 2 * MIN_SCORE).all()


def test_of_a_class_with_many_candidates_the_best_are_kept(detector):
    """As of an image with 150 likely anchors of one class that do not overlap, and one of another."""
    count = len(detector.anchors.anchors)
    corners = torch.rand(count, 1) * 1e-4 + torch.arange(count)[:, None] + torch.tensor([0, 0, 0.5, 0.5])
    scores = torch.zeros(count, 91)
    scores[:150, 1] = torch.linspace(0.9, 0.5, 150)[torch.randperm(150)]
    scores[200, 2], scores[300, 0] = 0.1, 0.9  # and the background
    found = detector._select(corners, scores).class_logits[0].sigmoid()
    assert found[:, 0].sort(descending=True).values.tolist() == pytest.approx(
        scores[:, 1].sort(descending=True).values[:detector.anchors.keep].tolist(), abs=1e-5)
    candidates = detector.anchors.candidates(scores.T)
    assert (candidates > 0).sum(1).tolist() == [0, detector.anchors.top_k, 1, *[0] * 88]


def test_its_weights_are_in_no_checkpoint_and_are_not_trained(detector):
    assert list(detector.state_dict()) == ['_extra_state']
    assert not any(parameter.requires_grad for parameter in detector.parameters())
    assert not detector.load_state_dict(detector.state_dict()).missing_keys


@given(st.data())
def test_every_reported_detection_is_found_once(choices):
    anchors, columns = choices.draw(st.integers(1, 6)), 5
    label_ids = sorted(choices.draw(st.sets(st.integers(1, columns - 1), min_size=1)))
    scores = torch.tensor(choices.draw(st.lists(st.lists(SCORES, min_size=columns, max_size=columns),
                                                min_size=anchors, max_size=anchors)))
    boxes = torch.arange(anchors)[:, None] / 8 + torch.tensor([0, 0, 0.125, 0.25])
    pairs = sorted(choices.draw(st.sets(st.tuples(st.integers(0, anchors - 1), st.integers(1, columns - 1)))))
    selected = torch.tensor([[0, column, anchor] for anchor, column in pairs], dtype=torch.long).view(-1, 3)
    found_boxes, class_logits, embeddings = (each[0] for each in AnchorDetections(label_ids, 100)(
        boxes[None], scores, selected))
    pairs = [(anchor, label) for anchor, label in pairs if label in label_ids]
    tokens, columns = torch.nonzero(class_logits.sigmoid() > 2 * MIN_SCORE, as_tuple=True)
    again = {(*found_boxes[token].tolist(), label_ids[column]): class_logits[token, column].sigmoid().item()
             for token, column in zip(tokens, columns)}
    expected = {(*bbox_xyxy_to_cxcywh(boxes[anchor]).tolist(), label): scores[anchor, label].item()
                for anchor, label in pairs}
    assert len(tokens) == len(pairs) and again == pytest.approx(expected, abs=1e-5)
    count = len({anchor for anchor, _ in pairs})
    assert (found_boxes[:count, 2] > 0).all() and (found_boxes[count:] == 0).all()
    assert torch.allclose(embeddings[tokens, columns], class_logits[tokens, columns], atol=1e-4)


def test_sources_and_names_with_a_mistake(tmp_path, detector):
    with pytest.raises(ConfigError, match='no folder with one .pb and one .pbtxt file; it holds neither'):
        TensorFlowSSD(str(tmp_path))
    with pytest.raises(ConfigError, match='has scores for 80 classes, and label_set names 2: 2 classes cat, dog.'):
        TensorFlowSSD(SOURCE, label_set=['cat', 'dog'])
    (tmp_path / 'a.pb').write_text('no network')
    with pytest.raises(ConfigError, match=r'it holds a\.pb'):
        TensorFlowSSD(str(tmp_path))
    (tmp_path / 'a.pbtxt').write_text('no graph')
    with pytest.raises(ConfigError, match='a.pb and a.pbtxt are no graph of TensorFlow'):
        TensorFlowSSD(str(tmp_path))


@pytest.mark.parametrize(('old', 'new', 'words'), [
    ('op: "Relu6"', 'op: "Elu"', r'node of an unknown kind, \S+ \(Elu\)'),
    ('DetectionOutput', 'Softmax', 'no node detection_out of the kind DetectionOutput'),
    ('key: "width"', 'key: "min_size"', 'anchors without widths, heights and variances, PriorBox_0'),
    ('MobilenetV2/Conv/weights', 'MobilenetV2/Conv/lost', 'no constant FeatureExtractor/MobilenetV2/Conv/lost'),
])
def test_graphs_of_another_kind(detector, tmp_path, old, new, words):
    weights, nodes = detector.files
    (tmp_path / 'a.pb').symlink_to(weights)
    (tmp_path / 'a.pbtxt').write_text(nodes.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=words):
        TensorFlowSSD(str(tmp_path))
