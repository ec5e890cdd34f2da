"""Tensors on disk: computed once, and again where anything that they depend on has changed."""

import copy

import pytest
import torch

from visionllm.models.disk_cache import get_or_compute, tensors_digest

VALUE = torch.arange(6.0).half().view(2, 3)


@pytest.fixture
def computed(tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path))
    return []


def get(computed, *depends_on):
    return get_or_compute('rows', depends_on, lambda: computed.append(depends_on) or VALUE)


def test_what_was_computed_is_read_by_the_next_process(computed, tmp_path):
    assert torch.equal(get(computed, 'a', 'b'), VALUE) and torch.equal(get(computed, 'a', 'b'), VALUE)
    get(computed, 'a', 'c')
    get(computed, 'ab')
    assert computed == [('a', 'b'), ('a', 'c'), ('ab', )] and len(list(tmp_path.glob('tensors/*'))) == 3


@pytest.mark.parametrize('content', [b'', b'damaged', b'\x08\0\0\0\0\0\0\0{}      '])
def test_a_damaged_file_is_replaced(computed, tmp_path, content):
    get(computed, 'a')
    file, = tmp_path.glob('tensors/*')
    file.write_bytes(content)
    assert torch.equal(get(computed, 'a'), VALUE) and torch.equal(get(computed, 'a'), VALUE) and len(computed) == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(computed, tmp_path):
    (tmp_path / 'tensors').write_text('no folder')
    assert torch.equal(get(computed, 'a'), VALUE) and torch.equal(get(computed, 'a'), VALUE) and len(computed) == 2


def test_any_training_changes_the_digest():
    model = torch.nn.Sequential(torch.nn.Linear(40, 50), torch.nn.LayerNorm(50))
    trained = copy.deepcopy(model)
    trained(torch.randn(3, 40)).square().sum().backward()
    torch.optim.SGD(trained.parameters(), 0.1).step()
    assert tensors_digest(model.named_parameters()) == tensors_digest(copy.deepcopy(model).named_parameters())
    assert tensors_digest(model.named_parameters()) != tensors_digest(trained.named_parameters())
