"""Image tokens out of a published detector, here a tiny one with random weights."""

import numpy as np
import pytest
import torch

from visionllm.models import DetectorTokenizer
from visionllm.structures import TextFeatures

from .detectors.tiny_detectors import NAMES, WIDTH, write_detr

NO_TEXT = TextFeatures(torch.zeros(2, 0, 8), torch.zeros(2, 0, dtype=torch.bool))
TEXT = TextFeatures(torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool))


@pytest.fixture
def build(tmp_path):
    """A tokenizer of 5 tokens, and the images that its detector saw."""
    def tokenizer(**options):
        source = write_detr(tmp_path / 'detr', 'detr')
        built = DetectorTokenizer(dict(type='TransformersDetector', source=source, random_config={}), num_tokens=5,
                                  text_width=8, **options).train()
        built.seen = []
        built.detector.register_forward_pre_hook(lambda _, arguments: built.seen.extend(arguments[0]))
        return built
    return tokenizer


def padded_batch():
    """Two images as a data preprocessor pads them, their mask, and their pixels."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((60, 80, 3), (90, 70, 3))]
    batch, mask = torch.zeros(2, 3, 96, 96), torch.zeros(2, 96, 96, dtype=torch.bool)
    for b, image in enumerate(images):
        batch[b, :, :image.shape[0], :image.shape[1]] = torch.from_numpy(image).permute(2, 0, 1) / 255
        mask[b, :image.shape[0], :image.shape[1]] = True
    return (batch, ), mask, images


def test_the_detector_sees_the_pixels_as_they_were(build):
    tokenizer, (features, mask, images) = build(), padded_batch()
    tokens, = tokenizer(features, mask, NO_TEXT)
    assert len(tokenizer.seen) == 2 and all(map(np.array_equal, tokenizer.seen, images))
    best = tokenizer.detector(images).top(5)
    assert torch.equal(tokens.boxes, best.boxes) and torch.equal(tokens.class_logits, best.class_logits)
    assert tokens.embeddings.shape == (2, 5, WIDTH) and tokens.class_names == NAMES
    assert (tokens.objectness[:, :-1] >= tokens.objectness[:, 1:]).all()
    assert not tokens.embeddings.requires_grad


def test_an_image_is_seen_once(build):
    tokenizer, (features, mask, _) = build(), padded_batch()
    first, again = (tokenizer(features, mask, NO_TEXT)[0] for _ in range(2))
    assert len(tokenizer.seen) == 2 and torch.equal(first.boxes, again.boxes)
    uncached = build(cached_images=0)
    for _ in range(2):
        uncached(features, mask, NO_TEXT)
    assert len(uncached.seen) == 4


def test_guided_tokens_are_not_remembered_and_train_the_guidance(build):
    tokenizer, (features, mask, _) = build(guided=True), padded_batch()
    torch.nn.init.normal_(tokenizer.detector.guidance.attention.out_proj.weight)
    guided, plain = (tokenizer(features, mask, text)[0] for text in (TEXT, NO_TEXT))
    assert len(tokenizer.seen) == 4 and not torch.allclose(guided.class_logits, plain.class_logits)
    guided.class_logits.sum().backward()
    assert tokenizer.detector.guidance.attention.out_proj.weight.grad.abs().sum() > 0


def test_nothing_is_trained_and_objects_are_matched_to_the_nearest_tokens(build):
    tokenizer, (features, mask, _) = build(), padded_batch()
    layers = tokenizer(features, mask, NO_TEXT)
    layers[0].boxes = torch.cat([torch.rand(2, 5, 2), torch.full((2, 5, 2), 0.1)], -1)  # not all in one place
    boxes = [layers[0].boxes[0, [3, 1]], layers[0].boxes[1, :0]]
    losses, matches = tokenizer.loss(layers, boxes, [torch.zeros(2, 0, 2), torch.zeros(0, 0, 2)])
    assert losses == {} and len(matches[1][0]) == 0
    assert dict(zip(matches[0][1].tolist(), matches[0][0].tolist())) == {0: 3, 1: 1}
