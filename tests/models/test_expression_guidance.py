"""Which of a detector's tokens an expression means."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from visionllm.annotations.files import AnnotationError
from visionllm.engine.pretraining import referring_expressions
from visionllm.engine.pretraining.referring_expressions import (
    ReferringExpressions,
    overlaps_with_objects,
    scores_of_best_class,
)
from visionllm.errors import ConfigError
from visionllm.language import parse_instruction
from visionllm.language.colour_terms import COLOURS
from visionllm.models.box_position_embedding import BOX_EMBEDDING_CHANNELS
from visionllm.models.heads.expression_guidance import ExpressionGuidance
from visionllm.models.heads.vocabulary_reader import VocabularyReader
from visionllm.structures import Detections, ImageTokens
from visionllm.structures.detections import pad_detections

from .test_token_words import NAMES, SENTENCE_ENCODER, detector_tokens


def instruction(*names):
    entries = ', '.join(f'"{name}": <c{k}>' for k, name in enumerate(names))
    return parse_instruction(f'Find {{{entries}}} as (c, x1, y1, x2, y2). <image>')


@pytest.fixture
def reader(tiny, monkeypatch):
    """A reader who finds every word in the first class; its guidance takes all texts for expressions."""
    torch.manual_seed(0)
    reader = VocabularyReader(8 + BOX_EMBEDDING_CHANNELS, tiny.llm.width, num_classes=3, learned_words=2,
                              vocab_size=tiny.llm.output.weight.shape[0],
                              sentence_encoder=SENTENCE_ENCODER, expression_guidance=dict(
                                  type='ExpressionGuidance', width=16, num_layers=1, num_heads=2)).eval()
    torch.nn.init.normal_(reader.expression_guidance.decoder.out_proj.weight)
    decide(reader, 10.0)
    monkeypatch.setattr(reader, 'read_words', lambda _, instructions, *__: (
        torch.eye(len(instructions[0].class_names) + 1)[[0] * 5].log().expand(len(instructions), -1, -1), None))
    return reader


def decide(reader, logit):
    """Take all texts for expressions, or for names."""
    layer = reader.expression_guidance.expression_or_name[-1]
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.constant_(layer.bias, logit)


def classify(reader, llm, *instructions):
    torch.manual_seed(0)
    with torch.no_grad():
        return reader.classify(llm, list(instructions), detector_tokens(), None, None)[0]


def test_only_a_expression_that_stands_alone_is_guided(reader, tiny):
    two = instruction('the left dog', 'x')
    left, right = instruction('the left dog'), instruction('the right dog')
    expressions, among_others = classify(reader, tiny.llm, left, right), classify(reader, tiny.llm, two, two)
    decide(reader, -10.0)
    names = classify(reader, tiny.llm, left, right)
    assert torch.equal(names[..., 0], among_others[..., 0])
    assert (expressions[..., 0] - names[..., 0]).abs().amax(1).min() > 1e-3
    assert torch.equal(expressions[..., 1], names[..., 1])  # no object


def test_a_name_that_the_detector_knows_is_no_expression(reader, tiny):
    known = classify(reader, tiny.llm, *map(instruction, ('dog', 'fire hydrant')))
    decide(reader, -10.0)
    assert torch.equal(known, classify(reader, tiny.llm, *map(instruction, ('dog', 'fire hydrant'))))


def test_words_that_are_half_read_count_less_for_a_expression_than_for_a_name(reader, tiny, monkeypatch):
    """A token of a word that is surely read, and one of a word that is read with a probability of a half."""
    half = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]).clamp_min(1e-9).log()
    monkeypatch.setattr(reader, 'read_words', lambda *_: (half[None], None))
    torch.nn.init.zeros_(reader.expression_guidance.decoder.out_proj.weight)
    logits = torch.tensor([[[2.0, -9, -9], [-9, 2, -9]]])
    tokens = ImageTokens(torch.zeros(1, 2, 8), torch.rand(1, 2, 4), logits.amax(-1), class_logits=logits,
                         class_names=NAMES)

    def ratio():
        with torch.no_grad():
            logits = reader.classify(tiny.llm, [instruction('the dog')], tokens, None, None)[0]
        sure, doubtful = logits[0, :, 0].sigmoid()
        return float(doubtful / sure)
    assert ratio() == pytest.approx(0.5**4, rel=0.01)
    decide(reader, -10.0)
    assert ratio() == pytest.approx(0.5, rel=0.01)


def test_it_starts_without_an_opinion_and_what_the_expression_says_counts(tiny):
    torch.manual_seed(0)
    guidance, tokens = ExpressionGuidance(3, tiny.llm.width, width=16, num_layers=1, num_heads=2), detector_tokens()
    assert not guidance(tiny.llm, ['left dog', 'right dog'], tokens, tokens.objectness).any()
    torch.nn.init.normal_(guidance.decoder.out_proj.weight)
    left, right = (guidance(tiny.llm, [text] * 2, tokens, tokens.objectness) for text in ('left dog', 'right dog'))
    both = guidance(tiny.llm, ['left dog', 'right dog'], tokens, tokens.objectness)
    assert left.shape == (2, 5) and (left - right).abs().max() > 1e-3
    assert torch.allclose(both[0], left[0], atol=1e-5) and torch.allclose(both[1], right[1], atol=1e-5)


def draw_scenes(count, generator):
    """Two dogs and a cat at random places, an expression for one of the dogs, and which it is."""
    centers = torch.rand(count, 3, 2, generator=generator) * 0.8 + 0.1
    boxes = torch.cat([centers, torch.full_like(centers, 0.15)], -1)
    logits = torch.tensor([[-4.0, 2, -4], [-4, 2, -4], [2, -4, -4]]).expand(count, -1, -1)
    tokens = ImageTokens(logits, boxes, logits.logsumexp(-1), class_logits=logits, class_names=NAMES)
    left = torch.rand(count, generator=generator) < 0.5
    first = centers[:, 0, 0] < centers[:, 1, 0]
    return tokens, ['left dog' if each else 'right dog' for each in left], torch.where(left == first, 0, 1)


@pytest.fixture
def scene_model(tiny, monkeypatch):
    """A model whose batches are scenes of ``draw_scenes``."""
    torch.manual_seed(0)
    guidance = ExpressionGuidance(3, tiny.llm.width, width=32, num_layers=1, num_heads=4)
    monkeypatch.setattr(referring_expressions, 'referring_text', lambda sample: sample.expression)
    monkeypatch.setattr(referring_expressions, 'build_target', lambda sample: sample)
    return SimpleNamespace(
        llm=tiny.llm, data_preprocessor=lambda batch, training: batch, run_connector=lambda tokens, _: ([tokens], None),
        heads=dict(tuples=SimpleNamespace(class_reader=SimpleNamespace(expression_guidance=guidance))),
        connector=SimpleNamespace(detector=SimpleNamespace(class_names=NAMES), num_tokens=100))


def scene_batch(tokens, expressions, meant):
    """The batch of scenes as ``draw_scenes`` gives them."""
    samples = [SimpleNamespace(expression=expression, boxes=boxes[[index]])
               for expression, boxes, index in zip(expressions, tokens.boxes, meant.tolist())]
    return dict(inputs=tokens, data_samples=samples)


def train(stage, model, batches):
    guidance, = stage.parts(model)
    optimizer = torch.optim.AdamW(guidance.parameters(), lr=3e-3)
    for batch in batches:
        optimizer.zero_grad()
        found = stage.losses(model, batch)
        (found['loss_referral'].value + found['loss_expression'].value).backward()
        optimizer.step()


def test_it_learns_left_and_right(tiny, scene_model):
    stage, generator = ReferringExpressions('referral', steps=1), torch.Generator().manual_seed(0)
    guidance, = stage.parts(scene_model)
    train(stage, scene_model, [scene_batch(*draw_scenes(32, generator)) for _ in range(80)])
    with torch.no_grad():
        assert stage.losses(scene_model, scene_batch(*draw_scenes(200, generator)))['acc_referral'].value > 90
        logits = guidance.expression_logits(guidance.encode(tiny.llm, ['left dog', 'right dog', 'church', 'red kite']))
    assert (logits[:2] > 0).all() and (logits[2:] < 0).all()


def test_it_learns_from_expressions_whose_images_are_not_there(scene_model, tmp_path):
    rng, path = torch.Generator().manual_seed(1), tmp_path / 'layouts.jsonl'
    lines = [dict(image_id=image, img_path='', width=1000, height=1000, bbox=[x, y, x + 200, y + 200],
                  expression=f'the dog on that side: {side}')
             for image in range(100) for left, y in [(torch.randint(300, (2, ), generator=rng).tolist())]
             for x, side in ((left, 'west'), (left + 300, 'east'))]
    path.write_text('\n'.join(map(json.dumps, lines)))
    stage, generator = ReferringExpressions('referral', steps=1, layouts=str(path)), torch.Generator().manual_seed(0)
    stage.check(scene_model)

    def nameless(count):  # what the photographs teach: nothing about sides
        tokens, expressions, meant = draw_scenes(count, generator)
        return scene_batch(tokens, ['dog'] * count, meant)
    train(stage, scene_model, [nameless(16) for _ in range(120)])
    tokens, expressions, meant = draw_scenes(200, generator)
    told = [f'the dog on that side: {dict(left="west", right="east")[text.split()[0]]}' for text in expressions]
    with torch.no_grad():
        found = ReferringExpressions('test', steps=1).losses(scene_model, scene_batch(tokens, told, meant))
    assert found['acc_referral'].value > 85


def test_missing_layouts_are_told_before_anything_is_trained(scene_model):
    with pytest.raises(AnnotationError, match='nowhere.jsonl does not exist'):
        ReferringExpressions('referral', steps=1, layouts='nowhere.jsonl').check(scene_model)


@pytest.mark.parametrize(('text', 'name'), [
    ('dog', True), ('fire hydrant', True), ('red car', True), ('yep', True), ('left dog', False),
    ('the dog', False), ('woman in white', False), ('dog next to the red car', False)])
def test_a_name_means_all_and_an_expression_one(text, name):
    assert referring_expressions.is_name(text) == name


def test_names_are_drawn_with_and_without_a_colour():
    rng = np.random.default_rng(0)
    names = [referring_expressions.draw_name(rng) for _ in range(300)]
    assert all(map(referring_expressions.is_name, names))
    assert 60 < sum(name.split()[0] in COLOURS for name in names) < 140


def test_right_tokens_and_the_class_that_is_read():
    tokens = detector_tokens()
    overlaps = overlaps_with_objects(tokens, [tokens.boxes[0, 2:3], torch.zeros(0, 4)])
    assert overlaps.shape == (2, 5) and overlaps[0, 2] == pytest.approx(1) and not overlaps[1].any()
    scores = scores_of_best_class(tokens, overlaps)
    assert torch.equal(scores[0], tokens.class_logits[0, :, tokens.class_logits[0, 2].argmax()])


def test_a_model_without_guidance_is_told_how_to_get_it(tiny):
    with pytest.raises(ConfigError, match='set expression_guidance in model.heads'):
        ReferringExpressions('referral', steps=1).check(tiny)


def test_a_longer_expression_beside_it_changes_nothing(reader, tiny):
    tokens = detector_tokens()
    with torch.no_grad():
        alone = reader.expression_guidance(tiny.llm, ['left dog'], tokens[[0]], tokens.objectness[[0]])
        both = reader.expression_guidance(tiny.llm, ['left dog', 'the small car on the right'], tokens,
                                      tokens.objectness)
    assert torch.allclose(alone[0], both[0], atol=1e-5)


def test_more_detections_in_another_image_change_nothing(reader, tiny):
    tokens = detector_tokens()
    images = [Detections(tokens.boxes[[b], :count], tokens.class_logits[[b], :count], tokens.embeddings[[b], :count])
              for b, count in ((0, 2), (1, 5))]

    def guide(*images):
        found = pad_detections(images)
        with torch.no_grad():
            return reader.classify(tiny.llm, [instruction('left dog')] * len(images), ImageTokens(
                found.embeddings, found.boxes, found.objectness, class_logits=found.class_logits,
                class_names=NAMES), None, None)[0]
    alone, together, nothing = guide(images[0]), guide(*images), pad_detections(images).boxes.new_zeros(1, 1, 4)
    assert torch.allclose(alone[0], together[0, :2], atol=1e-5)
    images[0] = Detections(nothing, torch.full((1, 1, 3), -9.0), torch.zeros(1, 1, 8))
    assert guide(*images).isfinite().all()
