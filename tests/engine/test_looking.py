import copy

import torch

from visionllm.engine.looking import TeachLooking, nearly

from ..conftest import lesson_runner, sample_batch

CAPTION = 'Describe the picture as (text). <image>'
DETECT = 'Find {"star": <c3>, "heart": <c5>} as (c, x1, y1, x2, y2). <image>'


def lesson_of(model, *batches, **settings):
    TeachLooking(steps=len(batches), **settings).before_train(lesson_runner(model, batches))


def test_the_lesson_needs_no_tokenizer(tiny, monkeypatch):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.named_parameters()}
    for part in (model.backbone, model.connector):
        monkeypatch.setattr(part, 'forward', None)
    lesson_of(model, *[sample_batch(CAPTION, names=('small red star', 'dog')), sample_batch(DETECT)] * 2)
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith('second_look.stages') for name in changed)
    assert any(name.startswith('heads.text.token_projector') for name in changed)
    assert any(name.startswith('heads.tuples.token_projector') for name in changed)
    assert all(name.startswith(('second_look.', 'heads.')) for name in changed)


def test_places_are_nearly_right_and_pictures_may_hold_different_numbers_of_objects(tiny):
    batch = sample_batch(CAPTION)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:1]
    lesson = TeachLooking(steps=1)
    torch.manual_seed(0)
    losses = lesson.losses(copy.deepcopy(tiny), batch)
    assert torch.isfinite(losses['loss_word'].value)
    boxes = torch.rand(500, 4) * 0.3 + 0.3
    off = (nearly(boxes) - boxes) / boxes[:, 2:].repeat(1, 2)
    assert 0.04 < off.std() < 0.06 and off.mean().abs() < 0.01
