"""DETR-like detectors of transformers: the adapter says what the detector says."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from visionllm.errors import ConfigError
from visionllm.models import TransformersDetector
from visionllm.models.huggingface import PretrainedError
from visionllm.structures import TextFeatures

from .conftest import flatten
from .tiny_detectors import FAMILIES, NAMES, QUERIES, WIDTH, write_detr

GUIDED = [family for family in FAMILIES if family not in ('lw_detr', 'rf_detr')]


def random_images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, size, dtype=np.uint8) for size in ((60, 80, 3), (90, 70, 3))]


def random_text():
    return TextFeatures(torch.randn(2, 3, 8), torch.tensor([[True] * 3, [True, False, False]]))


def test_the_published_detector_says_what_transformers_says(data, photographs):
    source = str(data / 'weights/deimv2-femto-coco')
    detector = TransformersDetector(source).eval()
    model, processor = (auto.from_pretrained(source) for auto in (AutoModelForObjectDetection, AutoImageProcessor))
    assert len(detector.class_names) == 80 and detector.embed_dims == 96
    for image in photographs:
        height, width = image.shape[:2]
        with torch.no_grad():
            output = model.eval()(**processor(images=image, return_tensors='pt'))
            detections = detector([image])
        expected = processor.post_process_object_detection(output, 0.0, [(height, width)])[0]
        scores, labels, boxes = flatten(detections, 20)
        assert torch.allclose(scores, expected['scores'][:20], atol=1e-5) and scores[0] > 0.5
        assert labels.tolist() == expected['labels'][:20].tolist()
        assert torch.allclose(boxes * torch.tensor([width, height] * 2), expected['boxes'][:20], atol=0.01)


@pytest.mark.parametrize('family', FAMILIES)
def test_every_family_gives_boxes_and_a_score_for_each_real_label(family, tmp_path):
    detector = TransformersDetector(write_detr(tmp_path, family), random_config={}).eval()
    with torch.no_grad():
        found = detector(random_images())
    assert detector.class_names == NAMES and detector.embed_dims == WIDTH
    assert found.boxes.shape == (2, QUERIES, 4) and found.class_logits.shape == (2, QUERIES, len(NAMES))
    assert found.embeddings.shape == (2, QUERIES, WIDTH)
    assert all(values.isfinite().all() for values in (found.boxes, found.class_logits, found.embeddings))
    assert (found.boxes >= 0).all() and (found.boxes <= 1).all()
    with torch.no_grad():
        inputs = detector.processor(images=random_images(), return_tensors='pt')
        output = detector.detector(**inputs)
    with_no_object = output.logits.shape[-1] == 6
    assert with_no_object is (family == 'detr')
    probability = output.logits.softmax(-1) if with_no_object else output.logits.sigmoid()
    assert torch.allclose(found.class_logits.sigmoid(), probability[..., [1, 3, 4]], atol=1e-5)


@pytest.mark.parametrize('family', GUIDED)
def test_guidance_starts_as_the_identity_and_is_trained_alone(family, tmp_path):
    detector = TransformersDetector(write_detr(tmp_path, family), random_config={}, text_width=8).train()
    images, text = random_images(), random_text()
    with torch.no_grad():
        plain, guided, again = detector(images), detector(images, text), detector(images)
    for found in (guided, again):  # in training mode: nothing is dropped, and no batch statistics change
        assert torch.equal(found.boxes, plain.boxes) and torch.equal(found.class_logits, plain.class_logits)
    torch.nn.init.normal_(detector.guidance.attention.out_proj.weight)
    moved = detector(images, text)
    assert not torch.allclose(moved.class_logits, plain.class_logits, atol=1e-3)
    moved.class_logits.sum().backward()
    learned = {name for name, parameter in detector.named_parameters() if parameter.grad is not None}
    assert learned and all(name.startswith('guidance.') for name in learned)
    nothing = TextFeatures(torch.zeros(2, 0, 8), torch.zeros(2, 0, dtype=torch.bool))
    with torch.no_grad():
        assert torch.equal(detector(images, nothing).boxes, plain.boxes)
        assert torch.equal(detector(images).boxes, plain.boxes)  # the last text is forgotten
    assert {name.partition('.')[0] for name in detector.state_dict()} == {'guidance', '_extra_state'}


def test_a_copy_is_guided_by_its_own_text(tmp_path):
    detector = TransformersDetector(write_detr(tmp_path, 'deformable_detr'), random_config={}, text_width=8).eval()
    other = copy.deepcopy(detector)
    torch.nn.init.normal_(other.guidance.attention.out_proj.weight)
    images, text = random_images(), random_text()
    with torch.no_grad():
        assert torch.equal(detector(images, text).boxes, detector(images).boxes)
        assert not torch.equal(other(images, text).boxes, detector(images).boxes)


@pytest.mark.parametrize('family', ['lw_detr', 'rf_detr'])
def test_without_an_encoder_there_is_no_guidance(family, tmp_path):
    with pytest.raises(ConfigError, match='no encoder that a text could guide: leave text_width out'):
        TransformersDetector(write_detr(tmp_path, family), random_config={}, text_width=8)


def test_what_is_no_detector_is_explained(tmp_path):
    with pytest.raises(PretrainedError, match='There is no gone/away/far; expected a folder'):
        TransformersDetector('gone/away/far')
    (tmp_path / 'bert').mkdir()
    (tmp_path / 'bert/config.json').write_text('{"model_type": "bert"}')
    with pytest.raises(PretrainedError, match='bert could not be loaded: .*; expected a detector of transformers'):
        TransformersDetector(str(tmp_path / 'bert'))
    (tmp_path / 'yolos').mkdir()
    (tmp_path / 'yolos/config.json').write_text(
        '{"model_type": "yolos", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, '
        '"intermediate_size": 8, "image_size": [32, 32]}')
    with pytest.raises(PretrainedError, match='yolos is a YolosForObjectDetection, which has no queries'):
        TransformersDetector(str(tmp_path / 'yolos'), random_config={})
    source = write_detr(tmp_path / 'detr', 'detr')
    (tmp_path / 'detr/preprocessor_config.json').unlink()
    with pytest.raises(PretrainedError, match='expected an image processor beside it, preprocessor_config.json'):
        TransformersDetector(source, random_config={})
