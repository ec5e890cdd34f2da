import torch
from mmdet.registry import MODELS

from .test_perceiver_resampler import run, tokens


def test_an_mlp_keeps_tokens_and_places():
    before = tokens(12)
    found, other = (run(MODELS.build(dict(type='MLPRefiner', channels=16)), before) for _ in range(2))
    assert found.embeddings.shape == before.embeddings.shape and torch.equal(found.boxes, before.boxes)
    assert not torch.allclose(other.embeddings, found.embeddings)
