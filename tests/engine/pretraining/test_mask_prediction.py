import copy

import pytest
import torch

from visionllm.engine.pretraining.mask_prediction import MaskPrediction, with_detection_errors
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.errors import ConfigError
from visionllm.models.heads import UNetMaskBranch

from ...conftest import sample_batch, stage_runner

SEGMENT = 'Outline all {"star": <c3>, "heart": <c5>} as (c, x1, y1, ..., x8, y8). <image>'


def test_the_mask_branch_alone_is_trained(tiny):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    MaskPrediction('masks', steps=2).run(stage_runner(model, [sample_batch(SEGMENT)] * 2), StageProgress())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all('.mask_branch.' in name for name in changed)


def test_masks_approach_the_target(tiny):
    model = copy.deepcopy(tiny)
    stage, batch = MaskPrediction('masks', steps=24, lr=3e-3), sample_batch(SEGMENT)

    def loss():
        return float(stage.losses(model.train(), copy.deepcopy(batch))['loss_mask'].value)

    before = loss()
    stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(24)]), StageProgress())
    assert loss() < 0.9 * before


def test_images_may_hold_different_numbers_of_objects(tiny):
    batch = sample_batch(SEGMENT)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:1]
    assert torch.isfinite(MaskPrediction('masks', steps=1).losses(copy.deepcopy(tiny), batch)['loss_mask'].value)


def test_the_boxes_of_objects_will_do_without_the_tokenizer(tiny, monkeypatch):
    model = copy.deepcopy(tiny)
    monkeypatch.setattr(model, 'run_connector', None)
    stage, batch = MaskPrediction('masks', steps=24, lr=3e-3, boxes='annotated'), sample_batch(SEGMENT)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def loss():
        torch.manual_seed(0)
        return float(stage.losses(model.train(), copy.deepcopy(batch))['loss_mask'].value)

    first = loss()
    stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(24)]), StageProgress())
    assert loss() < 0.95 * first
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all('.mask_branch.' in name for name in changed)
    with pytest.raises(ConfigError, match='boxes is \'drawn\''):
        MaskPrediction('masks', steps=1, boxes='drawn')


@pytest.mark.parametrize('encoder_lr', [0.0, 1e-3])
def test_the_branchs_encoder_has_a_learning_rate_of_its_own(tiny, encoder_lr):
    model = copy.deepcopy(tiny)
    model.heads['tuples'].coordinates.location_prior.mask_branch = UNetMaskBranch(
        dict(type='EfficientNetLite', finetuned=True), (16, 24, 40, 112, 320), 8, widths=(8, ) * 5, stem_width=8)
    stage = MaskPrediction('masks', steps=2, lr=0.1, encoder_lr=encoder_lr)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = stage.run(stage_runner(model, [sample_batch(SEGMENT)] * 2), StageProgress())
    moved = {name: (value - before[name]).abs().max() for name, value in state.items() if value.is_floating_point()}
    encoder = {name: float(step) for name, step in moved.items() if '.encoder.' in name}
    assert bool(encoder) == (encoder_lr > 0) and len(encoder) < len(moved)
    assert all(step < 4 * encoder_lr for step in encoder.values()) and max(moved.values()) > 0.05


def test_detectors_errors_are_small_as_a_rule_and_large_at_times():
    torch.manual_seed(0)
    boxes = torch.tensor([0.5, 0.5, 0.2, 0.1]).expand(20000, 4)
    errors = (with_detection_errors(boxes) - boxes) / boxes[:, 2:].repeat(1, 2)
    assert errors.mean(0).abs().max() < 0.01
    assert errors.abs().mean(0).tolist() == pytest.approx([0.06, 0.06, 0.12, 0.12], rel=0.05)
    assert (errors[:, 2].abs() > 0.3).float().mean() > 0.05


@pytest.mark.parametrize('missing', ['mask_branch', 'roi'])
def test_a_model_without_masks_is_told_how_to_get_them(tiny, missing):
    model = copy.deepcopy(tiny)
    if missing == 'roi':
        del model.refiners['roi']
    else:
        model.heads['tuples'].coordinates.location_prior.mask_branch = None
    with pytest.raises(ConfigError, match='set mask_branch in .*, and roi in model.refiners'):
        MaskPrediction('masks', steps=1).run(stage_runner(model, [sample_batch(SEGMENT)]), StageProgress())


def test_objects_without_a_known_contour_have_no_loss(tiny):
    batch = sample_batch(SEGMENT)
    for sample in batch['data_samples']:
        del sample.gt_instances.contours
    assert MaskPrediction('masks', steps=1).losses(copy.deepcopy(tiny), batch)['loss_mask'].count == 0
