import json

import numpy as np
import pytest
import torch

from visionllm.models import BackbonePretrained, InternImage

SMALL = dict(channels=16, depths=(1, 1, 2, 1), groups=(2, 4, 8, 16), layer_scale=1.0)


@pytest.mark.parametrize('size', ['t', 'b', 'h'])
def test_golden_vectors(data, size):
    golden = dict(np.load(data / f'golden/internimage_{size}_like.npz'))
    model = InternImage(json.loads(str(golden['config']))).eval()
    weights = {name.removeprefix('param:'): torch.from_numpy(value) for name, value in golden.items()
               if name.startswith('param:')}
    model.load_state_dict(weights, strict=True)
    with torch.no_grad():
        scales = model(torch.from_numpy(golden['input']))
    for number, scale in enumerate(scales):
        assert torch.allclose(scale, torch.from_numpy(golden[f'out{number}']), atol=1e-4)


@pytest.mark.parametrize('size, millions', [('t', 30), ('s', 50), ('b', 97), ('l', 223), ('xl', 335), ('h', 1080)])
def test_sizes_are_those_published(size, millions):
    """The paper's counts hold a classifier besides: two to four millions of the small ones, more of the large."""
    with torch.device('meta'):
        model = InternImage(size)
    assert 0.9 * millions < sum(p.numel() for p in model.parameters()) / 1e6 <= millions


def test_a_size_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no size 'tiny'; take one of t, s, b, l, xl, h"):
        InternImage('tiny')


def test_computing_again_changes_no_gradient():
    torch.manual_seed(0)
    model = InternImage(SMALL, out_indices=(1, 3)).train()
    model.init_weights()
    picture = torch.randn(2, 3, 64, 48)
    gradients = []
    for model.with_cp in (False, True):
        scales = model(picture)
        assert [tuple(scale.shape) for scale in scales] == [(2, 32, 8, 6), (2, 128, 2, 2)]
        gradients.append(torch.autograd.grad(sum(scale.square().sum() for scale in scales), list(model.parameters())))
    assert all(torch.allclose(*pair, rtol=1e-4, atol=1e-4) for pair in zip(*gradients))


@pytest.mark.parametrize('wrap', [
    lambda state: dict(model=state | {'head.weight': torch.zeros(3, 128)}),  # the authors' classifiers
    lambda state: dict(state_dict={f'backbone.{name}': tensor for name, tensor in state.items()}),  # a detector
    lambda state: state,
])
def test_published_weights_fit_however_they_are_wrapped(tmp_path, wrap):
    trained = InternImage(SMALL)
    torch.save(wrap(trained.state_dict()), tmp_path / 'weights.pth')
    model = InternImage(SMALL, init_cfg=dict(type='BackbonePretrained', checkpoint=str(tmp_path / 'weights.pth')))
    model.init_weights()
    assert all(torch.equal(tensor, trained.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_weights_without_a_tensor_are_refused(tmp_path):
    weights = InternImage(SMALL).state_dict()
    del weights['levels.2.blocks.1.gamma1']
    torch.save(weights, tmp_path / 'weights.pth')
    with pytest.raises(RuntimeError, match='weights.pth holds.*levels: 2.blocks.1.gamma1 is missing'):
        BackbonePretrained(str(tmp_path / 'weights.pth'))(InternImage(SMALL))


def test_weights_of_another_size_are_refused_and_nothing_is_changed(tmp_path):
    torch.save(InternImage(dict(SMALL, channels=32, depths=(1, 1, 1, 1))).state_dict(), tmp_path / 'weights.pth')
    model = InternImage(SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fault = (r'weights.pth holds.*patch_embed: conv1.weight is \(16, 3, 3, 3\) and should be \(8, 3, 3, 3\).*'
             r'levels: 0.blocks.0.gamma1 is \(32,\) and should be \(16,\).* and \d+ more')
    with pytest.raises(RuntimeError, match=fault):
        BackbonePretrained(str(tmp_path / 'weights.pth'))(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
