"""Runs models on torch's meta device, including those whose control flow reads values.

Meta tensors have a shape but no values. Padding masks, feature map sizes, token ids and ground truth do not depend on
weights, and models read their values. So within ``MetaMode`` a tensor that was computed without any meta tensor is a
real tensor on the CPU, whatever device was asked for; all others are meta tensors. Operations that read values of a
meta tensor, such as matching predictions to ground truth, get placeholder values.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map_only

CPU = torch.device('cpu')
aten = torch.ops.aten
VALUE_READING_OPS = {aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default,
                     aten.masked_select.default, aten._unique2.default}
INDEXING_OPS = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
FACTORY_OPS = {aten.empty.memory_format, aten.full.default, aten.zeros.default, aten.ones.default}


class MetaMode(TorchDispatchMode):
    """Context in which models on the meta device can be trained and evaluated."""

    def __enter__(self) -> 'MetaMode':
        self._patches = ExitStack()
        for owner, name, factory in ((torch, 'tensor', on_cpu(torch.tensor)),
                                     (torch, 'as_tensor', on_cpu(torch.as_tensor)),
                                     (Tensor, 'new_tensor', new_tensor)):
            self._patches.enter_context(patch.object(owner, name, factory))
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._patches.close()

    def __torch_dispatch__(self, func: OpOverload, types: Sequence[type], args: tuple = (),
                           kwargs: dict | None = None) -> object:
        kwargs = dict(kwargs or {})
        if func in FACTORY_OPS and kwargs.get('dtype', torch.float32).is_floating_point:
            return func(*args, **kwargs)  # may be filled with results without values later
        any_meta = tree_any(lambda each: isinstance(each, Tensor) and each.is_meta, (args, kwargs))
        if kwargs.get('device') is not None and (not any_meta or torch.device(kwargs['device']) == CPU):
            return run_with_values(func, args, kwargs | dict(device=CPU))
        if not any_meta or func in VALUE_READING_OPS:
            return run_with_values(func, args, kwargs)
        if func._schema.is_mutable and not args[0].is_meta:
            return args[0]  # real tensors are not changed
        if func in INDEXING_OPS:
            args = (args[0], masks_to_indices(args[1]), *args[2:])
        args, kwargs = tree_map_only(Tensor, lambda tensor: tensor.to('meta'), (args, kwargs))
        return func(*args, **kwargs)


def on_cpu(factory: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A tensor factory that returns real tensors ``float[...]`` whatever device is asked for. It has to be patched:
    torch does not pass the creation of tensors from Python data on the meta device to dispatch modes."""
    return lambda data, dtype=None, device=None: factory(data, dtype=dtype, device=CPU)


def new_tensor(like: Tensor, data: object, dtype: torch.dtype | None = None, device: object = None) -> Tensor:
    """``Tensor.new_tensor`` that returns a real tensor ``float[...]``."""
    return torch.tensor(data, dtype=dtype or like.dtype)


def run_with_values(func: OpOverload, args: tuple, kwargs: dict) -> object:
    """Run an operation with placeholders in place of meta tensors."""
    args, kwargs = tree_map_only(Tensor, lambda tensor: placeholder(tensor) if tensor.is_meta else tensor,
                                 (args, kwargs))
    return func(*args, **kwargs)


def placeholder(meta: Tensor) -> Tensor:
    """Values for a meta tensor, ``float[...]``, ``bool[...]`` or ``int[...]`` of its shape: random floats, all True,
    or consecutive integers; a scalar is False or 0."""
    if meta.is_floating_point():
        return torch.rand(meta.shape, dtype=meta.dtype)
    if meta.dtype == torch.bool:
        return torch.full(meta.shape, meta.dim() > 0)
    return torch.arange(meta.numel(), dtype=meta.dtype).view(meta.shape)


def masks_to_indices(indices: list[Tensor | None]) -> list[Tensor | None]:
    """Replace masks ``bool[...]`` in the arguments of an indexing operation by the indices ``int[n]`` of True."""
    result = []
    for index in indices:
        is_mask = index is not None and index.dtype == torch.bool
        result += (placeholder(index) if index.is_meta else index).nonzero().unbind(1) if is_mask else [index]
    return result
