"""Detectors in ONNX files: the adapter says what the file says."""

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps

from visionllm.errors import ConfigError
from visionllm.models import OnnxDetector, TransformersDetector
from visionllm.models.detectors.onnx import OnnxError

from .conftest import flatten
from .tiny_detectors import write_onnx

onnxruntime = pytest.importorskip('onnxruntime')
FILE = 'weights/deimv2-femto-coco/deimv2_hgnetv2_femto_coco.onnx'
FOUR = ['cat', 'dog', 'bird', 'fish']


def test_the_tokens_are_the_files_own_detections(data, photographs):
    detector = OnnxDetector(str(data / FILE))
    session = onnxruntime.InferenceSession(str(data / FILE))
    together = detector(photographs)
    for b, image in enumerate(photographs):
        height, width = image.shape[:2]
        pixels = cv2.resize(image, (416, 416), interpolation=cv2.INTER_LINEAR_EXACT)
        labels, boxes, scores = (torch.from_numpy(each[0]) for each in session.run(
            ['labels', 'boxes', 'scores'], {'images': np.float32(pixels / 255).transpose(2, 0, 1)[None],
                                            'orig_target_sizes': np.array([[width, height]])}))
        found = flatten(together.select(b), len(scores))
        order = scores.argsort(descending=True)
        assert scores[order[0]] > 0.5 and torch.allclose(found[0], scores[order], atol=1e-4)
        assert torch.equal(found[1][:20], labels[order][:20].long())
        size = torch.tensor([width, height] * 2)
        assert torch.allclose(found[2][:20] * size, boxes[order][:20], atol=0.05)
    reported = (together.class_logits.sigmoid() > 1.1e-6).sum((1, 2))
    assert reported.tolist() == [len(scores)] * 2
    assert torch.equal(together.boxes[0, :9], detector(photographs[:1]).boxes[0, :9])  # a batch is each by itself


def test_it_agrees_with_the_same_detector_in_transformers(data, photographs):
    file, folder = OnnxDetector(str(data / FILE)), TransformersDetector(str(data / FILE).rpartition('/')[0]).eval()
    assert file.class_names == folder.class_names
    for image in photographs:
        with torch.no_grad():
            (_, label, box), (_, other_label, other_box) = (flatten(each([image]), 1) for each in (file, folder))
        assert label == other_label and bbox_overlaps(box, other_box) > 0.8


@pytest.mark.parametrize('shape, size', [((1, 3, 6, 4), (4, 6)), (('N', 3, 'H', 'W'), (4, 5))])
def test_queries_of_an_export_of_transformers(tmp_path, shape, size):
    detector = OnnxDetector(write_onnx(tmp_path / 'a.onnx', shape=shape), FOUR, mean=(10, 20, 30), std=(2, 4, 5),
                            size=(4, 5))
    assert detector.size == size
    image = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    expected = ((image - np.array([10, 20, 30])) / np.array([2, 4, 5])).mean(-1)
    found = detector([image, image])
    assert found.boxes.shape == (2, size[1], 4)
    for values in (found.boxes, found.class_logits, found.embeddings):
        assert np.allclose(values[1], expected, atol=1e-4)


def test_files_of_another_kind_are_explained(tmp_path):
    with pytest.raises(OnnxError, match='has the outputs dets, masks; expected labels, boxes and scores, or logits'):
        OnnxDetector(write_onnx(tmp_path / 'a.onnx', outputs=('dets', 'masks')))
    with pytest.raises(OnnxError, match=r'has the inputs images \[1, 3, 6\]; expected an image'):
        OnnxDetector(write_onnx(tmp_path / 'a.onnx', shape=(1, 3, 6)))
    (tmp_path / 'text.onnx').write_text('no model')
    with pytest.raises(OnnxError, match='text.onnx is no ONNX model that onnxruntime can run'):
        OnnxDetector(str(tmp_path / 'text.onnx'))
    with pytest.raises(FileNotFoundError, match='no such ONNX file'):
        OnnxDetector(str(tmp_path / 'gone.onnx'))
    with pytest.raises(ConfigError, match="no label set 'voc'; expected one of coco"):
        OnnxDetector(str(tmp_path / 'a.onnx'), 'voc')


def test_class_names_of_another_number_are_explained(data, photographs, tmp_path):
    with pytest.raises(ConfigError, match='a.onnx has scores for 4 classes, and label_set names 2: 2 classes cat, dog'):
        OnnxDetector(write_onnx(tmp_path / 'a.onnx'), FOUR[:2])([np.zeros((6, 4, 3), np.uint8)])
    with pytest.raises(ConfigError, match=r'coco.onnx reports class \d+, counted from 0, and label_set names 2'):
        OnnxDetector(str(data / FILE), FOUR[:2])(photographs[:1])
