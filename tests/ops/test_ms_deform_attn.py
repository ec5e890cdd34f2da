import numpy as np
import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from visionllm.ops import ms_deform_attn


@pytest.mark.parametrize('number', [0, 1])
def test_golden_vectors(data, number):
    golden = {k: torch.from_numpy(v) for k, v in np.load(data / f'golden/ms_deform_attn_{number}.npz').items()}
    inputs = [golden[k].requires_grad_() for k in ('value', 'sampling_locations', 'attention_weights')]
    output = ms_deform_attn(inputs[0], golden['spatial_shapes'], *inputs[1:])
    output.backward(golden['grad_output'])
    assert torch.allclose(output, golden['output'], atol=1e-9)
    for tensor, name in zip(inputs, ('value', 'sampling_locations', 'attention_weights')):
        assert torch.allclose(tensor.grad, golden[f'grad_{name}'], atol=1e-8)


def test_agrees_with_mmcv_also_outside_the_picture():
    shapes = torch.tensor([[6, 9], [3, 5]])
    value = torch.randn(2, 69, 4, 8)
    places = torch.rand(2, 11, 4, 2, 3, 2) * 1.6 - 0.3
    weights = torch.rand(2, 11, 4, 2, 3)
    expected = multi_scale_deformable_attn_pytorch(value, shapes, places, weights)
    assert torch.allclose(ms_deform_attn(value, shapes, places, weights), expected, atol=1e-5)
