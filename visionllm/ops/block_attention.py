"""Attention of many independent blocks behind one shared prefix, exact and without a mask over all of them.

    read before ..... | context | block 0 | block 1 | ...

A block sees the shared tokens and its own. Scores against the shared tokens are one matrix product for all blocks,
scores against its own a small one a block, and one softmax runs over both: n blocks of q tokens cost n q (S + q)
instead of n q (S + n q). Registered with transformers, so any model that goes through its attention interface can use
it: ``set_attn_implementation(SHARED_PREFIX)``, then ``model(..., blocks=Blocks(...))``.

Letters: B sequences, T new tokens, S shared ones, H heads, G heads of keys and values, D their width, n blocks of q
tokens, e earlier tokens that only one block sees.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import eager_attention_forward

from .recompute import recomputed

SHARED_PREFIX = 'shared_prefix'
ABSENT = -1e9  # added to the score of padding; finite, so that what sees nothing else is a number
QUERIES_AT_ONCE = 512  # their scores stay in a CPU's cache: a third of the time of all at once (4,800 queries)
SCORES_KEPT = 2**21  # for the way back; more take longer to write and read than to find again


@dataclass(frozen=True)
class Blocks:
    """How new tokens stand: a context that reads causally, then blocks of one size."""
    shared: int  # S: tokens that every block sees, the context included
    context: int  # how many of them are new
    size: int  # q
    earlier: Tensor | None = None  # int[B, n, e]: places of tokens, read before, that only this block sees
    real: Tensor | None = None  # bool[B, S]: shared tokens that are no padding; all of them if None


def block_attention(query: Tensor, key: Tensor, value: Tensor, blocks: Blocks, scaling: float) -> Tensor:
    """Attention of blocks.

    Args:
        query: ``float[B, H, n q, D]``.
        key, value: ``float[B, G, .., D]``, of all tokens: those read before, the context, the blocks.

    Returns:
        ``float[B, n q, H, D]``.
    """
    batch, heads, length, width = query.shape
    groups, count = key.shape[1], length // blocks.size
    asked = query.unflatten(1, (groups, -1)).unflatten(3, (count, blocks.size))
    asked = asked.transpose(2, 3).flatten(3, 4) * scaling  # [B, G, n, H/G q, D]
    near_key, near_value = (own_tokens(states, blocks, count) for states in (key, value))  # [B, G, n, e + q, D]
    far_key, far_value = (states[:, :, :blocks.shared] for states in (key, value))
    later = unseen(blocks.size, near_key.shape[3], query).repeat(heads // groups, 1)
    padding = absent(blocks, query)
    at_once = max(1, QUERIES_AT_ONCE // blocks.size)
    answer = torch.cat([
        _attend(*some, far_key, far_value, later, padding)
        for some in zip(*(each.split(at_once, 2) for each in (asked, near_key, near_value)))], 2)
    return answer.unflatten(3, (-1, blocks.size)).permute(0, 2, 4, 1, 3, 5).reshape(batch, length, heads, width)


def _attend(asked: Tensor, near_key: Tensor, near_value: Tensor, far_key: Tensor, far_value: Tensor,
            later: Tensor, padding: Tensor | None) -> Tensor:
    """One softmax over the shared tokens and each block's own: ``float[B, G, n, H/G q, D]``."""
    count = asked.shape[2]
    far = asked.flatten(2, 3) @ far_key.mT
    far = (far if padding is None else far + padding).unflatten(2, (count, -1))  # [B, G, n, H/G q, S]
    near = asked @ near_key.mT + later
    weights = torch.cat([far, near], -1).softmax(-1)  # bfloat16 is summed in float32 without being copied to it
    far, near = weights.split([far.shape[-1], near.shape[-1]], -1)
    return (far.flatten(2, 3) @ far_value).unflatten(2, (count, -1)) + near @ near_value


def own_tokens(states: Tensor, blocks: Blocks, count: int) -> Tensor:
    """Keys or values that only one block sees: ``float[B, G, n, e + q, D]``."""
    new = states[:, :, -count * blocks.size:].unflatten(2, (count, blocks.size))
    if blocks.earlier is None:
        return new
    places = blocks.earlier.flatten(1)[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
    return torch.cat([states.gather(2, places).unflatten(2, (count, -1)), new], 3)


def unseen(size: int, total: int, like: Tensor) -> Tensor:
    """What is added to scores ``float[size, total]`` of the last ``size`` tokens: none sees a later one."""
    later = torch.ones(size, total, dtype=torch.bool, device=like.device).triu(total - size + 1)
    return torch.zeros(later.shape, dtype=like.dtype, device=like.device).masked_fill(later, -torch.inf)


def absent(blocks: Blocks, like: Tensor) -> Tensor | None:
    """What is added to scores of the shared tokens, ``float[B, 1, 1, S]``; None where there is no padding."""
    if blocks.real is None:
        return None
    return torch.zeros(blocks.real.shape, dtype=like.dtype, device=like.device).masked_fill(
        ~blocks.real, ABSENT)[:, None, None]


def shared_prefix_attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor,
                            attention_mask: Tensor | None, scaling: float, dropout: float = 0.0,
                            blocks: Blocks | None = None, **kwargs) -> tuple[Tensor, Tensor | None]:
    """For transformers' attention interface: dense with a mask, or, with ``blocks``, as above. ``kwargs`` is what
    other implementations are told.

    In training scores and weights, of which a token has one for every token it sees, are found again on the way back,
    as flash attention does, unless they are few.
    """
    given = module, query, key, value, attention_mask, scaling, dropout, blocks
    scores = query.shape[:3].numel() * (blocks.shared if blocks else key.shape[2])
    if scores <= SCORES_KEPT:
        return _attended(*given), None
    return recomputed(_attended, *given, random=dropout > 0), None


def _attended(module: nn.Module, query: Tensor, key: Tensor, value: Tensor,
              attention_mask: Tensor | None, scaling: float, dropout: float, blocks: Blocks | None) -> Tensor:
    # with a mask, torch's fused attention is the faster one on a GPU; on a CPU its backward costs 3 times eager's
    dense = sdpa_attention_forward if query.is_cuda else eager_attention_forward
    if blocks is None:
        return dense(module, query, key, value, attention_mask, scaling=scaling, dropout=dropout)[0]
    context, asked = query.split([blocks.context, query.shape[2] - blocks.context], 2)
    answers = [block_attention(asked, key, value, blocks, scaling)]
    if blocks.context:
        bias, padding = unseen(blocks.context, blocks.shared, query), absent(blocks, query)
        bias = bias if padding is None else bias + padding
        seen = (states[:, :, :blocks.shared] for states in (key, value))
        answers.insert(0, dense(module, context, *seen, bias, scaling=scaling)[0])
    return torch.cat(answers, 1)


AttentionInterface.register(SHARED_PREFIX, shared_prefix_attention)
