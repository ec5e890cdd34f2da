import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visionllm.models.matching import hungarian_match


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_no_other_assignment_is_cheaper(seed, count):
    generator = torch.Generator().manual_seed(seed)
    cost = torch.rand(4, count, generator=generator)
    boxes = torch.rand(4, 4, generator=generator) * 0.5 + 0.2
    tokens, objects = hungarian_match(cost, boxes, boxes[:count], class_weight=1.0, l1_weight=0.0, giou_weight=0.0)
    best = min(sum(cost[t, g].item() for g, t in enumerate(p)) for p in itertools.permutations(range(4), count))
    assert abs(cost[tokens, objects].sum().item() - best) < 1e-5


def test_no_objects():
    tokens, objects = hungarian_match(torch.zeros(3, 0), torch.rand(3, 4), torch.zeros(0, 4))
    assert len(tokens) == len(objects) == 0
