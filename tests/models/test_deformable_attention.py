import pytest
import torch
from mmcv.ops import MultiScaleDeformableAttention

from visionllm.models.connectors.deformable_attention import DeformableAttention

SHAPES = torch.tensor([[6, 9], [3, 5]])


@pytest.mark.parametrize('sides', [2, 4])
def test_it_answers_as_mmcvs_does(sides):
    """Points near the picture's edge and beyond, padding, any weights; gradients, too."""
    torch.manual_seed(0)
    config = dict(embed_dims=32, num_heads=4, num_levels=2, num_points=3, dropout=0.0, batch_first=True)
    theirs, ours = MultiScaleDeformableAttention(**config), DeformableAttention(**config)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    ours.load_state_dict(theirs.state_dict())
    query, position = torch.randn(2, 2, 11, 32)
    inputs = dict(query=query, key=query, value=torch.randn(2, 69, 32), query_pos=position, spatial_shapes=SHAPES,
                  level_start_index=torch.tensor([0, 54]), key_padding_mask=torch.rand(2, 69) < 0.3,
                  reference_points=torch.rand(2, 11, 2, sides) * 1.2 - 0.1)
    answers, gradients = [], []
    for module in (theirs, ours):
        answers.append(module(**inputs))
        answers[-1].square().sum().backward()
        gradients.append([parameter.grad for parameter in module.parameters()])
    assert torch.allclose(*answers, atol=1e-5)
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-3) for one, other in zip(*gradients))


def test_half_precision_is_read_in_full():
    module = DeformableAttention(embed_dims=32, num_levels=2, batch_first=True).eval()
    inputs = dict(query=torch.randn(1, 5, 32), value=torch.randn(1, 69, 32), query_pos=torch.randn(1, 5, 32),
                  spatial_shapes=SHAPES, key_padding_mask=torch.zeros(1, 69, dtype=torch.bool),
                  reference_points=torch.rand(1, 5, 2, 4))
    with torch.autocast('cpu', torch.bfloat16):
        half = module(**inputs)
    assert torch.allclose(half.float(), module(**inputs), atol=5e-2)
