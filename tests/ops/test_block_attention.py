"""Attention of blocks against a dense mask that says the same."""

from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from visionllm.ops.block_attention import SHARED_PREFIX, Blocks, block_attention


def dense_mask(read: int, blocks: Blocks, count: int, batch: int) -> torch.Tensor:
    """``bool[B, T, read + T]``, token by token as ``Blocks`` says."""
    new = blocks.context + count * blocks.size
    seen = torch.zeros(batch, new, read + new, dtype=torch.bool)
    for t in range(blocks.context):
        seen[:, t, :read + t + 1] = True
    for n in range(count):
        first = blocks.context + n * blocks.size
        for t in range(first, first + blocks.size):
            seen[:, t, :blocks.shared] = True
            seen[:, t, read + first:read + t + 1] = True
            if blocks.earlier is not None:
                seen.scatter_(2, blocks.earlier[:, n][:, None].expand(-1, new, -1).masked_fill(
                    torch.arange(new)[None, :, None] != t, 0), True)
    if blocks.attention_mask is not None:
        seen[..., :blocks.shared] &= blocks.attention_mask[:, None]
    return seen


def dense_attention(query, key, value, seen, scaling):
    key, value = (states.repeat_interleave(query.shape[1] // key.shape[1], 1) for states in (key, value))
    scores = (query @ key.mT * scaling).masked_fill(~seen[:, None], -torch.inf)
    return (scores.softmax(-1) @ value).transpose(1, 2)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 9), size=st.integers(1, 7), shared=st.integers(1, 12), earlier=st.integers(0, 3),
       padding=st.floats(0, 0.7), groups=st.sampled_from([1, 3]), repeat=st.sampled_from([1, 3]),
       at_once=st.sampled_from([1, 8, 512]), seed=st.integers(0, 9))
def test_values_and_gradients_are_those_of_a_dense_mask(count, size, shared, earlier, padding, groups, repeat, at_once,
                                                        seed):
    torch.manual_seed(seed)
    batch, read = 2, shared + 5 * earlier
    states = [torch.randn(batch, heads, length, 8, requires_grad=True) for heads, length in
              ((groups * repeat, count * size), (groups, read + count * size), (groups, read + count * size))]
    places = torch.rand(batch, count, 5 * earlier).argsort(-1)[..., :earlier] + shared  # each token once a block
    real = torch.rand(batch, shared) >= padding if padding else None
    blocks = Blocks(shared, 0, size, places if earlier else None, real)
    with patch('visionllm.ops.block_attention.MAX_QUERIES_PER_CHUNK', at_once):
        sparse = block_attention(*states, blocks, 0.3)
    answers = [sparse, dense_attention(*states, dense_mask(read, blocks, count, batch), 0.3)]
    assert torch.allclose(*answers, atol=1e-5)
    weights = torch.randn_like(answers[0])
    gradients = [torch.autograd.grad((answer * weights).sum(), states) for answer in answers]
    for one, other in zip(*gradients):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize('missing', [0, 1])
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-4), (torch.bfloat16, 2e-2)])
def test_any_llama_takes_blocks(dtype, tolerance, missing):
    torch.manual_seed(0)
    config = LlamaConfig(hidden_size=48, num_attention_heads=6, num_key_value_heads=2, num_hidden_layers=3,
                         intermediate_size=64, vocab_size=50)
    model = LlamaForCausalLM(config).to(dtype).eval()
    model.set_attn_implementation(SHARED_PREFIX)
    ids = torch.randint(50, (2, 4 + 5 * 3))
    places = torch.cat([torch.arange(4), 4 + torch.arange(3).repeat(5)])[None].expand(2, -1)
    real = torch.ones(2, 4, dtype=torch.bool)
    real[0, :missing] = False
    blocks = Blocks(shared=4, context=4, size=3, attention_mask=real if missing else None)
    bias = torch.zeros(2, 1, 19, 19, dtype=dtype).masked_fill(~dense_mask(0, blocks, 5, 2)[:, None], -1e9)
    with torch.no_grad():
        sparse = model(ids, position_ids=places, blocks=blocks).logits
        dense = model(ids, position_ids=places, attention_mask=bias).logits
    assert (sparse - dense)[:, missing:].abs().max() < tolerance
