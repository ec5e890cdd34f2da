import numpy as np
import pytest
import torch
import torch.nn.functional as F

from visionllm.ops import dcnv3


@pytest.mark.parametrize('number', range(4))
def test_golden_vectors(data, number):
    golden = dict(np.load(data / f'golden/dcnv3_{number}.npz'))
    config = {name.removeprefix('cfg_'): golden.pop(name).item() for name in list(golden) if name.startswith('cfg_')}
    golden = {name: torch.from_numpy(value) for name, value in golden.items()}
    inputs = [golden[name].requires_grad_() for name in ('input', 'offset', 'mask')]
    output = dcnv3(*inputs, config['group'], config['k'], config['stride'], config['pad'], config['dil'],
                   config['scale'])
    output.backward(golden['grad_output'])
    assert torch.allclose(output, golden['output'], atol=1e-5)
    for tensor, name in zip(inputs, ('input', 'offset', 'mask')):
        assert torch.allclose(tensor.grad, golden[f'grad_{name}'], atol=1e-4)


@pytest.mark.parametrize('stride, dilation', [(1, 1), (2, 1), (1, 2)])
def test_with_no_offset_it_is_a_convolution_of_each_channel(stride, dilation):
    value, weights = torch.randn(2, 9, 12, 6), torch.randn(2, 9)
    expected = F.conv2d(value.permute(0, 3, 1, 2), weights.view(2, 3, 3).mT.repeat_interleave(3, 0)[:, None],
                        stride=stride, padding=dilation, dilation=dilation, groups=6).permute(0, 2, 3, 1)
    rows, columns = expected.shape[1:3]
    answer = dcnv3(value, torch.zeros(2, rows, columns, 36), weights.flatten().expand(2, rows, columns, -1), 2,
                   stride=stride, padding=dilation, dilation=dilation)
    assert torch.allclose(answer, expected, atol=1e-5)


def test_bfloat16_finds_the_same_places_in_a_wide_picture():
    value, offset, mask = (each.bfloat16() for each in (
        torch.randn(1, 3, 300, 8), torch.randn(1, 3, 300, 36), torch.rand(1, 3, 300, 18)))
    answer = dcnv3(value, offset, mask, 2)
    assert answer.dtype == torch.bfloat16
    assert torch.allclose(answer.float(), dcnv3(value.float(), offset.float(), mask.float(), 2), rtol=1e-2, atol=1e-2)
