"""``--amp``: forward in bfloat16, weights and gradients in float32, on this machine's device."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import visionllm  # noqa: F401

from ..conftest import sample_batch
from ..models.test_visionllm import losses_of


def test_forward_is_bfloat16_and_a_step_moves_float32_weights():
    model = nn.Linear(8, 4)
    before = model.weight.detach().clone()
    wrapper = build_optim_wrapper(model, dict(type='BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    with wrapper.optim_context(model):
        output = model(torch.randn(2, 8))
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().square().mean())
    assert model.weight.dtype == torch.float32 and not torch.equal(model.weight, before)


@pytest.mark.parametrize('instruction', [
    'Find {"star": <c3>, "ring": <c5>} as (c, x1, y1, x2, y2). <image>',
    'Outline {"star": <c3>, "ring": <c5>} as (c, x1, y1, ..., x8, y8). <image>',
    'Mark {"star": <c3>, "ring": <c5>} as (c, "top", "left"). <image>',
    'Describe <image> as (text).',
])
def test_every_kind_of_answer_is_learned_in_bfloat16_as_in_float32(tiny, instruction):
    model = copy.deepcopy(tiny).train()
    model.refiners['roi'].drop_prob = 0.0  # random
    model.heads['tuples'].train_tuples = None
    wrapper = build_optim_wrapper(model, dict(type='BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    exact = losses_of(model, sample_batch(instruction))
    with wrapper.optim_context(model):
        rounded = losses_of(model, sample_batch(instruction))
    sum(value for name, value in rounded.items() if 'loss' in name).backward()
    assert exact.keys() == rounded.keys()
    for name, value in exact.items():
        assert 'loss' not in name or torch.allclose(value, rounded[name].float(), rtol=0.1, atol=0.05), name
