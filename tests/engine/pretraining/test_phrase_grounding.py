import copy

import torch
from mmengine.structures import InstanceData

from visionllm.engine.pretraining.phrase_grounding import BACKGROUND_BOXES, PhraseGrounding
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.roi_classification import OBJECTNESS_LOGIT
from visionllm.models import TokenGuidance

from ...conftest import sample_batch, stage_runner

GROUND = 'Find the one object that fits {"the star": <c3>}. Answer with (c, x1, y1, x2, y2). <image>'


def guided(model, others):
    """A model with token guidance, and a batch whose phrase refers to the first of two objects or more."""
    model = copy.deepcopy(model)
    model.refiners['guidance'] = TokenGuidance(model.connector.embed_dims, model.text_encoder.width, num_layers=1)
    batch = sample_batch(GROUND)
    for sample in batch['data_samples']:
        objects = sample.gt_instances
        sample.gt_instances = objects[:1]
        sample.ignored_instances = InstanceData(bboxes=objects.bboxes[1:1 + others],
                                                labels=objects.labels[1:1 + others])
    return model, batch


def test_referred_objects_are_told_from_others_and_from_background(tiny):
    model, batch = guided(tiny, others=1)
    data = model.data_preprocessor(batch, training=True)
    tokens, target = PhraseGrounding('grounding', steps=1).tokens_and_target(model, data)
    assert tokens.boxes.shape[1] == 2 + BACKGROUND_BOXES
    assert target[0].tolist() == [0, 1] + [0] * BACKGROUND_BOXES
    assert torch.equal(tokens.objectness.sign()[0], torch.tensor([1., 1] + [-1] * BACKGROUND_BOXES))
    assert tokens.objectness.abs().eq(OBJECTNESS_LOGIT).all()


def test_only_the_guidance_and_a_trainable_text_encoder_are_trained(tiny):
    model, batch = guided(tiny, others=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    PhraseGrounding('grounding', steps=2).run(stage_runner(model, [batch] * 2), StageProgress())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    parts = ('refiners.guidance.', 'text_encoder.')  # the tiny model's text encoder is trainable
    assert changed and all(name.startswith(parts) for name in changed)


def test_an_image_of_one_object_needs_no_others(tiny):
    model, batch = guided(tiny, others=0)
    losses = PhraseGrounding('grounding', steps=1).losses(model, batch)
    assert losses['acc_grounding'].value == 100  # background has a low objectness to begin with
