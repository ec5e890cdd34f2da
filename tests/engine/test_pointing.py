import copy

import torch
from mmengine.structures import InstanceData

from visionllm.engine.looking import SURE
from visionllm.engine.pointing import STRANGERS, TeachPointing
from visionllm.models.connectors import TokenGuidance

from ..conftest import lesson_runner, sample_batch

GROUND = 'Find the one object that fits {"the star": <c3>}. Answer with (c, x1, y1, x2, y2). <image>'


def pointed(model, others):
    """A model with token guidance, and a batch of a phrase that means the first object of two, or of two and more."""
    model = copy.deepcopy(model)
    model.token_guidance = TokenGuidance(model.connector.embed_dims, model.text_encoder.width, num_layers=1)
    batch = sample_batch(GROUND)
    for sample in batch['data_samples']:
        there = sample.gt_instances
        sample.gt_instances = there[:1]
        sample.ignored_instances = InstanceData(bboxes=there.bboxes[1:1 + others], labels=there.labels[1:1 + others])
    return model, batch


def test_what_is_meant_is_told_from_what_is_not_and_from_the_ground(tiny):
    model, batch = pointed(tiny, others=1)
    lesson = TeachPointing(steps=1)
    data = model.data_preprocessor(batch, training=True)
    tokens, meant = lesson._tokens(model, data)
    assert tokens.boxes.shape[1] == 2 + STRANGERS
    assert meant[0].tolist() == [0, 1] + [0] * STRANGERS
    assert torch.equal(tokens.objectness.sign()[0], torch.tensor([1., 1] + [-1] * STRANGERS))
    assert tokens.objectness.abs().eq(SURE).all()


def test_only_the_guidance_and_a_trained_text_encoder_learn(tiny):
    model, batch = pointed(tiny, others=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    TeachPointing(steps=2).before_train(lesson_runner(model, [batch] * 2))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    parts = ('token_guidance.', 'text_encoder.')  # the tiny model's text encoder is trained
    assert changed and all(name.startswith(parts) for name in changed)


def test_a_picture_of_one_object_needs_no_others(tiny):
    model, batch = pointed(tiny, others=0)
    losses = TeachPointing(steps=1).losses(model, batch)
    assert losses['acc_meant'].value == 100  # ground is not meant to begin with
