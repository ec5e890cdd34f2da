"""Runs a model that has no weights: every operation is carried out in shape alone.

A model on torch's meta device has shapes and no values. But a picture's padding, the sizes of its maps, the tokens of
its instruction and its objects do not depend on weights, and a model asks for them. So a tensor that no weight has
touched is real and on the CPU, wherever it was meant to be; all others are shapes. Where the model asks for a value of
one of those, as to match what was decoded with what is there, a stand-in answers.
"""

from collections.abc import Callable
from contextlib import ExitStack
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map_only

CPU = torch.device('cpu')
aten = torch.ops.aten
ASKS_FOR_VALUES = {aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default,
                   aten.masked_select.default, aten._unique2.default}
TAKES_MASKS = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
TO_BE_FILLED = {aten.empty.memory_format, aten.full.default, aten.zeros.default, aten.ones.default}


class DryRun(TorchDispatchMode):
    """Within it, models on the meta device can be trained and asked."""

    def __enter__(self) -> 'DryRun':
        self._makers = ExitStack()
        for place, name, maker in ((torch, 'tensor', keeping_numbers(torch.tensor)),
                                   (torch, 'as_tensor', keeping_numbers(torch.as_tensor)),
                                   (Tensor, 'new_tensor', new_tensor)):
            self._makers.enter_context(patch.object(place, name, maker))
        return super().__enter__()

    def __exit__(self, *exception) -> None:
        super().__exit__(*exception)
        self._makers.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in TO_BE_FILLED and kwargs.get('dtype', torch.float32).is_floating_point:
            return func(*args, **kwargs)  # perhaps with what is not known
        unknown = tree_any(lambda each: isinstance(each, Tensor) and each.is_meta, (args, kwargs))
        if kwargs.get('device') is not None and (not unknown or torch.device(kwargs['device']) == CPU):
            return with_values(func, args, kwargs | dict(device=CPU))
        if not unknown or func in ASKS_FOR_VALUES:
            return with_values(func, args, kwargs)
        if func._schema.is_mutable and not args[0].is_meta:
            return args[0]  # what is known stays as it is
        if func in TAKES_MASKS:
            args = (args[0], where_true(args[1]), *args[2:])
        args, kwargs = tree_map_only(Tensor, lambda tensor: tensor.to('meta'), (args, kwargs))
        return func(*args, **kwargs)


def keeping_numbers(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A maker of tensors that are real, wherever they should be; torch makes those for meta without asking a mode."""
    return lambda numbers, dtype=None, device=None: make(numbers, dtype=dtype, device=CPU)


def new_tensor(like: Tensor, numbers: object, dtype: torch.dtype | None = None, device: object = None) -> Tensor:
    """As ``Tensor.new_tensor``, but real."""
    return torch.tensor(numbers, dtype=dtype or like.dtype)


def with_values(func, args: tuple, kwargs: dict):
    """Carry out an operation on values; stand-ins for those that are not known."""
    args, kwargs = tree_map_only(Tensor, lambda tensor: stand_in(tensor) if tensor.is_meta else tensor, (args, kwargs))
    return func(*args, **kwargs)


def stand_in(shape: Tensor) -> Tensor:
    """Values for a tensor that has none: masks let all through, numbers are all different. One alone is no, or 0."""
    if shape.is_floating_point():
        return torch.rand(shape.shape, dtype=shape.dtype)
    if shape.dtype == torch.bool:
        return torch.full(shape.shape, shape.dim() > 0)
    return torch.arange(shape.numel(), dtype=shape.dtype).view(shape.shape)


def where_true(indices: list[Tensor | None]) -> list[Tensor | None]:
    """Indices, masks among them as the places where they are true."""
    places = []
    for index in indices:
        masked = index is not None and index.dtype == torch.bool
        places += (stand_in(index) if index.is_meta else index).nonzero().unbind(1) if masked else [index]
    return places
