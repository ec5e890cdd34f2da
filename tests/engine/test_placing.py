import copy
from dataclasses import replace

import pytest
import torch

from visionllm.engine import placing
from visionllm.engine.placing import TeachPlacing
from visionllm.engine.tracing import look_at_objects
from visionllm.models.heads.named_places import NamedPlaces
from visionllm.structures.places import PLACE_CHANNELS

from ..conftest import lesson_runner, sample_batch

MARK = 'Mark all {"star": <c3>, "heart": <c5>} as (c, "top left", "middle", "bottom right"). <image>'


@pytest.fixture
def model(tiny):
    model = copy.deepcopy(tiny)
    channels = model.connector.embed_dims + PLACE_CHANNELS
    model.heads['tuples'].named_places = NamedPlaces((8, 16), channels, model.llm.width)
    return model


def test_the_lesson_moves_the_named_places_alone(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    TeachPlacing(steps=2).before_train(lesson_runner(model, [sample_batch(MARK)] * 2))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith('heads.tuples.named_places.') for name in changed)


def test_points_get_nearer_to_the_truth(model, monkeypatch):
    look = model.second_look.forward

    def found(model, data, targets):
        def at_objects(images, pad_mask, tokens):  # where an untrained tokenizer does not have them
            return look(images, pad_mask, replace(tokens, boxes=torch.stack([t.boxes[t.pairs[1]] for t in targets])))

        monkeypatch.setattr(model.second_look, 'forward', at_objects)
        return look_at_objects(model, data, targets)

    monkeypatch.setattr(placing, 'look_at_objects', found)
    lesson, batch = TeachPlacing(steps=24, lr=3e-3), sample_batch(MARK)

    def off():
        return float(lesson.losses(model, copy.deepcopy(batch))['loss_box'].value)

    model.train()
    before = off()
    lesson.before_train(lesson_runner(model, [copy.deepcopy(batch) for _ in range(24)]))
    model.train()
    assert off() < 0.9 * before


def test_pictures_may_hold_different_numbers_of_objects(model):
    batch = sample_batch(MARK)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:0]
    assert torch.isfinite(TeachPlacing(steps=1).losses(model, batch)['loss_box'].value)


def test_a_model_without_named_places_is_told_how_to_get_them(tiny):
    with pytest.raises(ValueError, match='set named_places in model.heads.tuples'):
        TeachPlacing(steps=1).before_train(lesson_runner(copy.deepcopy(tiny), [sample_batch(MARK)]))
