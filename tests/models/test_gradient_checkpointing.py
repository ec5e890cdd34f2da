"""Layers that are run again on the way back: the same answers and gradients, less memory."""

import copy
from functools import partial

import pytest
import torch

from visionllm.apis.benchmarks.training import saved_bytes
from visionllm.models.llms.gradient_checkpointing import checkpoint_layers
from visionllm.ops import block_attention

from ..conftest import sample_batch


@pytest.fixture(scope='module')
def patient(tiny):
    """The tiny model, whose language model recomputes."""
    model = copy.deepcopy(tiny)
    checkpoint_layers(model.llm.decoder)
    return model


def losses_of(model, instruction: str):
    torch.manual_seed(0)
    data = model.data_preprocessor(sample_batch(instruction), training=True)
    return model.parse_losses(model(**data, mode='loss'))[0]


@pytest.mark.parametrize('instruction', [
    'Find {"star": <c7>, "ring": <c2>} as (c, x1, y1, x2, y2) in <image>',
    'Outline {"star": <c7>, "ring": <c2>} as (c, x1, y1, ..., x9, y9) in <image>',
    'Describe <image> as (text)',
])
def test_losses_and_gradients_are_the_same(tiny, patient, instruction, monkeypatch):
    found = []
    for model, scores_kept in ((tiny, 10**9), (patient, 0)):
        monkeypatch.setattr(block_attention, 'MAX_STORED_SCORES', scores_kept)
        model.train()
        losses_of(model, instruction).backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        model.zero_grad(set_to_none=True)
        model.eval()
    plain, checkpointed = found
    assert plain.keys() == checkpointed.keys() and any('lora_A' in name for name in plain)
    for name, gradient in plain.items():
        assert torch.allclose(gradient, checkpointed[name], atol=1e-6, rtol=1e-4), name


def test_kept_for_the_way_back_grows_with_a_text_and_not_with_its_square(tiny):
    texts = ['a star and a ring ' * times for times in (40, 160)]
    short, long = (saved_bytes(lambda text=text: tiny.llm.encode_prefix([text])) for text in texts)
    assert long < 6 * short  # the mask is a square, but one for all heads and layers


def test_a_gated_perceptron_keeps_its_two_halves_and_says_the_same(tiny):
    perceptron = tiny.llm.decoder.layers[0].mlp
    x = torch.randn(1000, tiny.llm.width, dtype=perceptron.up_proj.weight.dtype, requires_grad=True)
    plain = partial(type(perceptron).forward, perceptron)
    assert saved_bytes(lambda: perceptron(x)) < 0.75 * saved_bytes(lambda: plain(x))
    found = [torch.autograd.grad(forward(x).float().square().sum(), x)[0] for forward in (perceptron, plain)]
    assert torch.equal(*found)


def test_less_is_kept_for_the_way_back(tiny, patient):
    text = 'a star and a ring ' * 60
    plain, checkpointed = (saved_bytes(lambda model=model: model.llm.encode_prefix([text]))
                           for model in (tiny, patient))
    assert checkpointed < 0.6 * plain
