import json

import numpy as np
import pytest
import torch

from visionllm.models import InternImage


@pytest.mark.parametrize('size', ['t', 'b', 'h'])
def test_golden_vectors(data, size):
    golden = dict(np.load(data / f'golden/internimage_{size}_like.npz'))
    model = InternImage(**json.loads(str(golden['config']))).eval()
    weights = {name.removeprefix('param:'): torch.from_numpy(value) for name, value in golden.items()
               if name.startswith('param:')}
    assert not any(model.load_state_dict(weights, strict=True))
    with torch.no_grad():
        scales = model(torch.from_numpy(golden['input']))
    for number, scale in enumerate(scales):
        assert torch.allclose(scale, torch.from_numpy(golden[f'out{number}']), atol=1e-4)
