"""``--amp``: forward in bfloat16, weights and gradients in float32, on this machine's device."""

import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import visionllm  # noqa: F401


def test_forward_is_bfloat16_and_a_step_moves_float32_weights():
    model = nn.Linear(8, 4)
    before = model.weight.detach().clone()
    wrapper = build_optim_wrapper(model, dict(type='BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    with wrapper.optim_context(model):
        output = model(torch.randn(2, 8))
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().square().mean())
    assert model.weight.dtype == torch.float32 and not torch.equal(model.weight, before)
