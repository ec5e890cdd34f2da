import copy

import pytest
import torch

from visionllm.engine.tracing import TeachTracing

from ..conftest import lesson_runner, sample_batch

SEGMENT = 'Outline all {"star": <c3>, "heart": <c5>} as (c, x1, y1, ..., x8, y8). <image>'


def test_the_lesson_moves_the_mask_branch_alone(tiny):
    model = copy.deepcopy(tiny)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    TeachTracing(steps=2).before_train(lesson_runner(model, [sample_batch(SEGMENT)] * 2))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith('heads.tuples.mask_branch.') for name in changed)


def test_masks_get_nearer_to_the_truth(tiny):
    model = copy.deepcopy(tiny)
    lesson, batch = TeachTracing(steps=24, lr=3e-3), sample_batch(SEGMENT)

    def off():
        return float(lesson.losses(model, copy.deepcopy(batch))['loss_mask'].value)

    model.train()
    before = off()
    lesson.before_train(lesson_runner(model, [copy.deepcopy(batch) for _ in range(24)]))
    model.train()
    assert off() < 0.9 * before


def test_pictures_may_hold_different_numbers_of_objects(tiny):
    batch = sample_batch(SEGMENT)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:1]
    assert torch.isfinite(TeachTracing(steps=1).losses(copy.deepcopy(tiny), batch)['loss_mask'].value)


@pytest.mark.parametrize('part', ['mask_branch', 'second_look'])
def test_a_model_without_masks_is_told_how_to_get_them(tiny, part):
    model = copy.deepcopy(tiny)
    setattr(model if part == 'second_look' else model.heads['tuples'], part, None)
    with pytest.raises(ValueError, match='set mask_branch in model.heads.tuples, and model.second_look'):
        TeachTracing(steps=1).before_train(lesson_runner(model, [sample_batch(SEGMENT)]))


def test_objects_without_a_known_outline_teach_nothing(tiny):
    batch = sample_batch(SEGMENT)
    for sample in batch['data_samples']:
        del sample.gt_instances.rings
    assert TeachTracing(steps=1).losses(copy.deepcopy(tiny), batch)['loss_mask'].count == 0
