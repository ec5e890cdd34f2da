import copy

import torch

from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.roi_classification import RoIClassification, add_box_noise

from ...conftest import sample_batch, stage_runner

CAPTION = 'Describe the picture as (text). <image>'
DETECT = 'Find {"star": <c3>, "heart": <c5>} as (c, x1, y1, x2, y2). <image>'


def test_neither_backbone_nor_tokenizer_is_run(tiny, monkeypatch):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.named_parameters()}
    for part in (model.backbone, model.connector):
        monkeypatch.setattr(part, 'forward', None)
    batches = [sample_batch(CAPTION, names=('small red star', 'dog')), sample_batch(DETECT)] * 2
    RoIClassification('roi', steps=4).run(stage_runner(model, batches), StageProgress())
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith('refiners.roi.stages') for name in changed)
    assert any(name.startswith('heads.text.image_prompt.word_projector') for name in changed)
    assert any(name.startswith('heads.tuples.class_reader.token_projector') for name in changed)
    assert all(name.startswith(('refiners.roi.', 'heads.')) for name in changed)


def test_boxes_are_noisy_and_images_may_hold_different_numbers_of_objects(tiny):
    batch = sample_batch(CAPTION)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:1]
    losses = RoIClassification('roi', steps=1).losses(copy.deepcopy(tiny), batch)
    assert torch.isfinite(losses['loss_word'].value)
    boxes = torch.rand(500, 4) * 0.3 + 0.3
    noise = (add_box_noise(boxes) - boxes) / boxes[:, 2:].repeat(1, 2)
    assert 0.04 < noise.std() < 0.06 and noise.mean().abs() < 0.01
