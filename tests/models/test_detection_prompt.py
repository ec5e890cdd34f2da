"""Detections of a published detector in the prompt."""

import pytest
import torch
import torch.nn.functional as F

from visionllm.errors import ConfigError
from visionllm.language import parse_instruction
from visionllm.models.prompts import DetectionPrompt
from visionllm.models.prompts.detections import group_by_class
from visionllm.structures import ImageFeatures, ImageTokens, LazyFeatures

CAPTION = parse_instruction('Describe the picture as (text). <image>')
NAMES = ('cat', 'dog', 'fire hydrant')
FEATURES = 6


def image_tokens(labels, boxes, scores):
    """One image with detections that are sure of their class; their appearance is in the order of the boxes."""
    logits = torch.full((1, len(labels), 3), 1e-4).logit()
    for index, (label, score) in enumerate(zip(labels, scores)):
        logits[0, index, NAMES.index(label)] = torch.tensor(score).logit()
    boxes = torch.tensor([boxes])

    def encode(images, pixel_mask, boxes):
        appearance = boxes[..., :1] * torch.arange(1.0, FEATURES + 1).sin()
        return ImageFeatures(appearance, torch.ones(len(boxes), 16, FEATURES).cumsum(2).cos())
    features = LazyFeatures(boxes, torch.tensor([0]), torch.zeros(1, 3, 4, 4), torch.ones(1, 4, 4).bool(), encode)
    return ImageTokens(torch.zeros(1, len(labels), 8), boxes, logits.amax(-1), class_logits=logits, class_names=NAMES,
                       image_features=features)


@pytest.fixture
def prompt(tiny):
    torch.manual_seed(0)
    return DetectionPrompt(8, tiny.llm.width, FEATURES)


def words_of(prompt, llm, tokens):
    """The words nearest to each embedding of an image's objects, or None for what is projected."""
    with torch.no_grad():
        image, = prompt(llm, [CAPTION], tokens)
        vocabulary = ['no', 'one', 'two', 'three', 'left', 'middle', 'right', *NAMES]
        known = llm.embed_names([f' {word}' for word in vocabulary])
    distance = torch.cdist(image[:-16], known)
    return [vocabulary[row.argmin()] if row.min() < 0.1 * known.std() * known.shape[1]**0.5 else None
            for row in distance]


SIDE_BY_SIDE = [[0.1, 0.5, 0.1, 0.1], [0.9, 0.5, 0.1, 0.1], [0.5, 0.5, 0.3, 0.6], [0.1, 0.9, 0.1, 0.1]]


def test_it_says_how_many_there_are_of_what_the_largest_first(tiny, prompt):
    tokens = image_tokens(['dog', 'dog', 'cat', 'fire hydrant'], SIDE_BY_SIDE, [0.9, 0.8, 0.6, 0.05])
    assert words_of(prompt, tiny.llm, tokens) == [
        'one', 'cat', 'middle', 'middle', 'two', 'dog', 'left', 'middle', 'right', 'middle']


def test_worse_detections_of_one_place_are_left_out_and_the_best_is_always_there(tiny, prompt):
    near = [[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.4, 0.35], [0.5, 0.5, 0.4, 0.3]]
    assert words_of(prompt, tiny.llm, image_tokens(['dog', 'dog', 'cat'], near, [0.9, 0.8, 0.7])) == [
        'one', 'dog', 'middle', 'middle', 'one', 'cat', 'middle', 'middle']  # another class needs more than 0.75
    assert words_of(prompt, tiny.llm, image_tokens(['dog', 'cat'], near[:2], [0.2, 0.1])) == [
        'one', 'dog', 'middle', 'middle']


def test_places_and_appearance_are_of_their_object(tiny, prompt):
    torch.nn.init.normal_(prompt.appearance_projector[-1].weight)
    tokens = image_tokens(['dog', 'dog'], [[0.8, 0.5, 0.1, 0.1], [0.2, 0.3, 0.1, 0.1]], [0.9, 0.8])
    swapped = image_tokens(['dog', 'dog'], [[0.2, 0.3, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1]], [0.9, 0.8])
    with torch.no_grad():
        first, second = prompt(tiny.llm, [CAPTION], tokens)[0], prompt(tiny.llm, [CAPTION], swapped)[0]
    assert torch.allclose(first, second, atol=1e-5)  # from left to right, whichever is surer
    assert not torch.allclose(first[2], first[4], atol=1e-2) and not torch.allclose(first[3], first[5], atol=1e-2)


def test_images_of_a_batch_do_not_mix(tiny, prompt):
    images = [image_tokens(['dog', 'dog', 'cat'], SIDE_BY_SIDE[:3], [0.9, 0.8, 0.6]),
              image_tokens(['cat', 'fire hydrant', 'dog'], SIDE_BY_SIDE[1:], [0.9, 0.05, 0.05])]
    both = ImageTokens(*(torch.cat([getattr(each, name) for each in images]) for name in
                         ('embeddings', 'boxes', 'objectness')),
                       class_logits=torch.cat([each.class_logits for each in images]), class_names=NAMES,
                       image_features=LazyFeatures(torch.cat([each.boxes for each in images]), torch.tensor([0, 1]),
                                                   torch.zeros(2, 3, 4, 4), torch.ones(2, 4, 4).bool(),
                                                   images[0].image_features.encode))
    with torch.no_grad():
        together = prompt(tiny.llm, [CAPTION] * 2, both)
        alone = [prompt(tiny.llm, [CAPTION], each)[0] for each in images]
    assert [each.shape for each in together] == [each.shape for each in alone] and len(alone[0]) != len(alone[1])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(together, alone))


def test_every_parameter_is_trained(tiny, prompt):
    tokens = image_tokens(['dog', 'cat'], SIDE_BY_SIDE[:2], [0.9, 0.8])
    image, = prompt(tiny.llm, [CAPTION], tokens)
    F.mse_loss(image, torch.randn_like(image)).backward()
    assert all(parameter.grad.abs().sum() > 0 for name, parameter in prompt.named_parameters() if '0.' not in name)


def test_classes_are_in_order_of_their_largest_object():
    scores = torch.eye(3)[[0, 1, 0, 2]]
    boxes = torch.tensor([[0.9, 0, 0.1, 0.1], [0.5, 0, 0.5, 0.5], [0.1, 0, 0.8, 0.8], [0.2, 0, 0.3, 0.1]])
    assert group_by_class(scores, boxes) == [[2, 0], [1], [3]]


def test_what_it_needs_is_said(tiny, prompt):
    tokens = ImageTokens(torch.zeros(1, 2, 8), torch.rand(1, 2, 4), torch.zeros(1, 2))
    with pytest.raises(ConfigError, match='needs DetectorTokenizer as the connector, and RoIEncoder'):
        prompt(tiny.llm, [CAPTION], tokens)
