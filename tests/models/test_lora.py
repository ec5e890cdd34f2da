"""Adapters in float32 of a language model in bfloat16."""

import copy
from collections.abc import Iterator

import pytest
import torch
from peft.tuners.lora import LoraLayer

from visionllm.apis.benchmarks.training import saved_bytes
from visionllm.models.llms import CausalLM

SIZE = dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
            intermediate_size=128)


@pytest.fixture(scope='module')
def llm() -> CausalLM:
    """Random weights in bfloat16, adapters that say something."""
    torch.manual_seed(0)
    llm = CausalLM('wheel:smollm2-135m-instruct', lora_rank=4, dtype='bfloat16', random_config=SIZE)
    for name, parameter in llm.named_parameters():
        if 'lora_B' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return llm


def adapted(llm: CausalLM) -> Iterator[LoraLayer]:
    return (layer for layer in llm.decoder.modules() if isinstance(layer, LoraLayer))


def gradients_of(llm: CausalLM) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    states = llm(torch.randn(2, 30, llm.width))[0]
    (states * torch.randn(states.shape)).sum().backward()
    found = {name: p.grad.flatten() for name, p in llm.named_parameters() if 'lora_' in name}
    llm.zero_grad(set_to_none=True)
    return found


def test_it_learns_in_float32_as_with_copies_of_what_it_reads(llm):
    copied = copy.deepcopy(llm)
    for layer in adapted(copied):
        layer.cast_input_dtype_enabled = True
    found, wanted = gradients_of(llm), gradients_of(copied)
    assert len(found) == 16 and all(gradient.dtype == torch.float32 for gradient in found.values())
    for name, gradient in found.items():
        assert torch.cosine_similarity(gradient, wanted[name], 0) > 0.999, name


def test_an_adapted_layer_keeps_no_copy_of_what_it_reads(llm):
    layer = next(adapted(llm))
    x = torch.randn(1000, llm.width, dtype=torch.bfloat16, requires_grad=True)
    assert saved_bytes(lambda: layer(x)) < 1.5 * x.nbytes
