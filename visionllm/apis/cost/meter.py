"""Counts FLOPs and the memory of all tensors of a model, by part."""

import weakref
from collections import Counter
from collections.abc import Container, Sequence
from itertools import count

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

OTHER = 'other'  # what belongs to no part: matching, losses, the optimizer


def embedding_bag_flops(rows: Tensor, index: Tensor, *others: object, out_val: tuple) -> int:
    """FLOPs of weighted sums of rows ``float[R, C]`` at ``int[...]`` (bilinear sampling), which torch does not
    count."""
    return 2 * index.numel() * rows.shape[1]


def convolution_backward_flops(grad: Tensor, inputs: Tensor, weight: Tensor, *others: object, out_val: tuple) -> int:
    """FLOPs of the gradients of a convolution, each as many as forward; torch's formula ignores groups.

    Args:
        grad: ``float[B, C_out, ...]``.
        inputs: ``float[B, C_in, ...]``.
        weight: ``float[C_out, C_in / groups, ...]``.
        *others: Further arguments of the operation.
        out_val: Gradients of inputs, weight and bias, or None.
    """
    computed = sum(gradient is not None for gradient in out_val[:2])
    return computed * 2 * grad[:, 0].numel() * weight.numel()


aten = torch.ops.aten
FORMULAS = {**flop_registry, aten.convolution_backward: convolution_backward_flops,
            aten._embedding_bag: embedding_bag_flops, aten._embedding_bag_forward_only: embedding_bag_flops}


class Meter(TorchDispatchMode):
    """Context in which the operations of a model are counted. Backward operations count for the part whose forward pass
    they belong to.

    Args:
        model: Its children are the parts.

    Attributes:
        flops: By part.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.flops = model, Counter()
        self._stack = [OTHER]  # parts whose forward pass is running
        self._part_of = {}  # by autograd sequence number
        self._ids, self._next_id = WeakIdKeyDictionary(), count()  # of storages
        self._events = []  # storage id, part, bytes allocated or freed
        self._gradients = set()  # storage ids

    def __enter__(self) -> 'Meter':
        self._hooks = []
        for part, child in self.model.named_children():
            for module in child.modules():
                self._hooks += [module.register_forward_pre_hook(lambda *_, part=part: self._stack.append(part)),
                                module.register_forward_hook(lambda *_: self._leave())]
        for parameter in self.model.parameters():
            self._id(parameter)
            if parameter.requires_grad:
                self._hooks.append(parameter.register_post_accumulate_grad_hook(
                    lambda p: self._gradients.add(self._id(p.grad))))
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        for hook in self._hooks:
            hook.remove()

    def __torch_dispatch__(self, func: OpOverload, types: Sequence[type], args: tuple = (),
                           kwargs: dict | None = None) -> object:
        kwargs = kwargs or {}
        for tensor in tensors_in((args, kwargs)):
            self._id(tensor)  # so that it does not count as allocated here
        out = func(*args, **kwargs)
        part = self._part()
        if func._overloadpacket in FORMULAS:
            self.flops[part] += FORMULAS[func._overloadpacket](*args, **kwargs, out_val=out)
        for tensor in tensors_in(out):
            self._record(tensor, part)
        return out

    def activations(self) -> Counter:
        """Bytes by part at the time of the maximum, without gradients of parameters."""
        return self._maximum(self._gradients)

    def peak(self) -> int:
        """Maximum of the bytes allocated, without weights and optimizer state."""
        return self._maximum(()).total()

    def _maximum(self, excluded: Container[int]) -> Counter:
        allocated, maximum, total, largest = Counter(), Counter(), 0, 0
        for storage_id, part, size in self._events:
            if storage_id in excluded:
                continue
            allocated[part] += size
            total += size
            if total > largest:
                largest, maximum = total, Counter(allocated)
        return maximum

    def _leave(self) -> None:
        self._stack.pop()

    def _part(self) -> str:
        node = torch._C._current_autograd_node()
        if node is not None:  # in a backward pass
            return self._part_of.get(node._sequence_nr() + 1, OTHER)
        self._part_of[torch.autograd._get_sequence_nr()] = self._stack[-1]
        return self._stack[-1]

    def _id(self, tensor: Tensor) -> int:
        storage = tensor.untyped_storage()
        if storage not in self._ids:
            self._ids[storage] = next(self._next_id)
        return self._ids[storage]

    def _record(self, tensor: Tensor, part: str) -> None:
        """Record the allocation of a new storage, and when it is freed."""
        storage = tensor.untyped_storage()
        if storage in self._ids:
            return
        storage_id, size = self._id(tensor), storage.nbytes()
        self._events.append((storage_id, part, size))
        weakref.finalize(storage, self._events.append, (storage_id, part, -size))


def tensors_in(tree: object) -> list[Tensor]:
    """All tensors ``float[...]`` in nested arguments or results."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
