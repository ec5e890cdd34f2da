"""Attention of many independent blocks with one shared prefix; exact, and without a mask over all tokens.

    cached prefix ... | context | block 0 | block 1 | ...

A block attends to the shared tokens and to itself. Scores against the shared tokens are one matrix product for all
blocks, scores within blocks are a batched product, and one softmax runs over both: n blocks of q tokens cost
n q (S + q) instead of n q (S + n q). Registered with transformers as an attention implementation:
``model.set_attn_implementation(SHARED_PREFIX)``, then ``model(..., blocks=Blocks(...))``.

Dimensions: B sequences, T new tokens, S shared tokens, H query heads, G key and value heads, D head dimension, n blocks
of q tokens, e cached tokens that only one block attends to.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask
from transformers.models.llama.modeling_llama import eager_attention_forward

from .checkpointing import checkpointed

SHARED_PREFIX = 'shared_prefix'
MASKED_BIAS = -1e9  # bias of padding; finite, so that a row of padding alone has no NaN
MAX_QUERIES_PER_CHUNK = 512  # tokens per chunk, so that scores stay in the CPU cache
MAX_STORED_SCORES = 2**21  # up to this number, scores are stored for the backward pass; above, recomputing is faster


@dataclass(frozen=True)
class Blocks:
    """Layout of the new tokens: a causal context, then blocks of equal size."""
    shared: int  # S: tokens that every block attends to, the context included
    context: int  # new tokens among the S
    size: int  # q
    earlier: Tensor | None = None  # int[B, n, e]: positions, in the cache, of tokens that only this block attends to
    attention_mask: Tensor | None = None  # bool[B, S]: True = real shared token, False = padding; None = no padding


def block_attention(query: Tensor, key: Tensor, value: Tensor, blocks: Blocks, scaling: float) -> Tensor:
    """Attention of blocks.

    Args:
        query: ``float[B, H, n q, D]``.
        key, value: ``float[B, G, L, D]`` of all L tokens: cached, context and blocks.
        blocks: Layout of the tokens.
        scaling: Factor of the scores.

    Returns:
        ``float[B, n q, H, D]``.
    """
    batch, heads, length, width = query.shape
    groups, count = key.shape[1], length // blocks.size
    query = query.unflatten(1, (groups, -1)).unflatten(3, (count, blocks.size))
    query = query.transpose(2, 3).flatten(3, 4) * scaling  # [B, G, n, H/G q, D]
    own_key, own_value = (own_tokens(states, blocks, count) for states in (key, value))  # [B, G, n, e + q, D]
    shared_key, shared_value = (states[:, :, :blocks.shared] for states in (key, value))
    later_bias = causal_bias(blocks.size, own_key.shape[3], query).repeat(heads // groups, 1)
    pad_bias = padding_bias(blocks, query)
    chunk_size = max(1, MAX_QUERIES_PER_CHUNK // blocks.size)
    output = torch.cat([
        _attend(*chunk, shared_key, shared_value, later_bias, pad_bias)
        for chunk in zip(*(states.split(chunk_size, 2) for states in (query, own_key, own_value)))], 2)
    return output.unflatten(3, (-1, blocks.size)).permute(0, 2, 4, 1, 3, 5).reshape(batch, length, heads, width)


def _attend(query: Tensor, own_key: Tensor, own_value: Tensor, shared_key: Tensor, shared_value: Tensor,
            later_bias: Tensor, pad_bias: Tensor | None) -> Tensor:
    """One softmax over the shared tokens and each block's own: ``float[B, G, n, H/G q, D]``."""
    count = query.shape[2]
    shared = query.flatten(2, 3) @ shared_key.mT
    shared = (shared if pad_bias is None else shared + pad_bias).unflatten(2, (count, -1))
    own = query @ own_key.mT + later_bias
    weights = torch.cat([shared, own], -1).softmax(-1)  # accumulates in float32 for bfloat16 inputs, without a copy
    shared, own = weights.split([shared.shape[-1], own.shape[-1]], -1)  # [B, G, n, H/G q, S], [.., e + q]
    return (shared.flatten(2, 3) @ shared_value).unflatten(2, (count, -1)) + own @ own_value


def block_weights(query: Tensor, key: Tensor, blocks: Blocks, scaling: float) -> Tensor:
    """Attention weights ``float[B, n, q, S + e + q]`` of blocks, averaged over heads: over the shared tokens, and then
    each block's own. For looking at them; ``block_attention`` never stores them.

    Args:
        query: ``float[B, H, T, D]``, of the context and the blocks.
        key: ``float[B, G, L, D]`` of all tokens, cached and new.
        blocks: Layout.
        scaling: Factor of the scores.
    """
    count = (query.shape[2] - blocks.context) // blocks.size
    groups = query.shape[1] // key.shape[1]
    query = query[:, :, blocks.context:].unflatten(2, (count, blocks.size)) * scaling  # [B, H, n, q, D]
    own = own_tokens(key, blocks, count).repeat_interleave(groups, 1)
    shared = query @ key[:, :, None, :blocks.shared].repeat_interleave(groups, 1).mT
    bias = padding_bias(blocks, query)
    shared = shared if bias is None else shared + bias[:, :, None]
    scores = torch.cat([shared, query @ own.mT + causal_bias(blocks.size, own.shape[3], query)], -1)
    return scores.float().softmax(-1).mean(1)


def own_tokens(states: Tensor, blocks: Blocks, count: int) -> Tensor:
    """Keys or values ``float[B, G, n, e + q, D]``, out of ``float[B, G, L, D]``, that only one block attends to."""
    new = states[:, :, -count * blocks.size:].unflatten(2, (count, blocks.size))
    if blocks.earlier is None:
        return new
    index = blocks.earlier.flatten(1)[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
    return torch.cat([states.gather(2, index).unflatten(2, (count, -1)), new], 3)


def causal_bias(size: int, total: int, like: Tensor) -> Tensor:
    """Causal bias ``float[size, total]`` of the last ``size`` of ``total`` tokens; type and device of ``like``."""
    is_future = torch.ones(size, total, dtype=torch.bool, device=like.device).triu(total - size + 1)
    return torch.zeros(is_future.shape, dtype=like.dtype, device=like.device).masked_fill(is_future, -torch.inf)


def padding_bias(blocks: Blocks, like: Tensor) -> Tensor | None:
    """Padding bias ``float[B, 1, 1, S]`` of the shared tokens, None without padding; type and device of ``like``."""
    if blocks.attention_mask is None:
        return None
    return torch.zeros(blocks.attention_mask.shape, dtype=like.dtype, device=like.device).masked_fill(
        ~blocks.attention_mask, MASKED_BIAS)[:, None, None]


def shared_prefix_attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor,
                            attention_mask: Tensor | None, scaling: float, dropout: float = 0.0,
                            blocks: Blocks | None = None, **kwargs: object) -> tuple[Tensor, Tensor | None]:
    """Attention implementation for transformers' ``AttentionInterface``.

    In training, scores and weights are recomputed in the backward pass, as in FlashAttention, unless they are few.

    Args:
        module: The attention layer.
        query: ``float[B, H, T, D]``.
        key, value: ``float[B, G, L, D]`` of all L tokens, cached and new.
        attention_mask: ``float[B, 1, T, L]``, bias of dense attention; unused with ``blocks``.
        scaling: Factor of the scores.
        dropout: Of the weights, in dense attention.
        blocks: Layout of the new tokens; None for dense attention.
        **kwargs: Unused arguments of the interface.

    Returns:
        ``float[B, T, H, D]``, and None in place of the weights.
    """
    args = module, query, key, value, attention_mask, scaling, dropout, blocks
    num_scores = query.shape[:3].numel() * (blocks.shared if blocks else key.shape[2])
    if num_scores <= MAX_STORED_SCORES:
        return _attention(*args), None
    return checkpointed(_attention, *args, random=dropout > 0), None


def _attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor,
               attention_mask: Tensor | None, scaling: float, dropout: float, blocks: Blocks | None) -> Tensor:
    # with a mask, torch's fused attention is faster on a GPU, and its backward pass slower on a CPU
    dense_attention = sdpa_attention_forward if query.is_cuda else eager_attention_forward
    if blocks is None:
        return dense_attention(module, query, key, value, attention_mask, scaling=scaling, dropout=dropout)[0]
    context_query, block_query = query.split([blocks.context, query.shape[2] - blocks.context], 2)
    outputs = [block_attention(block_query, key, value, blocks, scaling)]
    if blocks.context:
        bias, pad_bias = causal_bias(blocks.context, blocks.shared, query), padding_bias(blocks, query)
        bias = bias if pad_bias is None else bias + pad_bias
        shared = (states[:, :, :blocks.shared] for states in (key, value))
        outputs.insert(0, dense_attention(module, context_query, *shared, bias, scaling=scaling)[0])
    return torch.cat(outputs, 1)


AttentionInterface.register(SHARED_PREFIX, shared_prefix_attention)
AttentionMaskInterface.register(SHARED_PREFIX, eager_mask)  # of transformers' own passes, as in generate
