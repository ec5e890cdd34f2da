import pytest
import torch

import visionllm.ops.weighted_rows as module
from visionllm.ops.weighted_rows import weighted_rows


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
def test_gradients_are_those_of_the_sum_written_out(dtype, monkeypatch):
    monkeypatch.setattr(module, 'MAX_SUMS_PER_CHUNK', 4)
    rows = torch.randn(9, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(10, 3, dtype=torch.float64, requires_grad=True)
    index = torch.randint(1, 8, (10, 3), dtype=dtype)  # the first and the last row are never read
    summed = weighted_rows(rows, index, weight)
    assert torch.allclose(summed, (rows[index.long()] * weight[..., None]).sum(1))
    assert torch.autograd.gradcheck(lambda *both: weighted_rows(both[0], index, both[1]), (rows, weight))
