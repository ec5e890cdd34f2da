"""Counts what a model takes, part by part: FLOPs, and the memory of the tensors that it makes."""

import weakref
from collections import Counter
from collections.abc import Container
from itertools import count

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

BETWEEN = 'between'  # what no part does: matching, losses, the optimizer


def bag_flops(rows: Tensor, index: Tensor, *others, out_val: tuple) -> int:
    """Of reading between pixels, which torch does not count: sums of rows, weighted."""
    return 2 * index.numel() * rows.shape[1]


def convolution_backward_flops(grad: Tensor, pixels: Tensor, weight: Tensor, *others, out_val: tuple) -> int:
    """As many as forward for each gradient; torch's formula forgets that a convolution may have groups."""
    wanted = sum(gradient is not None for gradient in out_val[:2])
    return wanted * 2 * grad[:, 0].numel() * weight.numel()


aten = torch.ops.aten
FORMULAS = {**flop_registry, aten.convolution_backward: convolution_backward_flops, aten._embedding_bag: bag_flops,
            aten._embedding_bag_forward_only: bag_flops}


class Meter(TorchDispatchMode):
    """Within it, what a model does is counted. What its backward pass does counts for the part whose forward pass
    made it necessary.

    Args:
        model: Its children are the parts.

    Attributes:
        flops: Of each part.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.flops = model, Counter()
        self._inside = [BETWEEN]  # of which parts the forward pass is
        self._part_of = {}  # autograd's sequence numbers
        self._numbers, self._count = WeakIdKeyDictionary(), count()  # of storages
        self._events = []  # number of a storage, its part, bytes taken or given back
        self._gradients = set()  # numbers of their storages

    def __enter__(self) -> 'Meter':
        self._hooks = []
        for part, child in self.model.named_children():
            for module in child.modules():
                self._hooks += [module.register_forward_pre_hook(lambda *_, part=part: self._inside.append(part)),
                                module.register_forward_hook(lambda *_: self._leave())]
        for parameter in self.model.parameters():
            self._number(parameter)
            if parameter.requires_grad:
                self._hooks.append(parameter.register_post_accumulate_grad_hook(
                    lambda p: self._gradients.add(self._number(p.grad))))
        return super().__enter__()

    def __exit__(self, *exception) -> None:
        super().__exit__(*exception)
        for hook in self._hooks:
            hook.remove()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for tensor in tensors_in((args, kwargs)):
            self._number(tensor)  # it was there before
        out = func(*args, **kwargs)
        part = self._part()
        if func._overloadpacket in FORMULAS:
            self.flops[part] += FORMULAS[func._overloadpacket](*args, **kwargs, out_val=out)
        for tensor in tensors_in(out):
            self._hold(tensor, part)
        return out

    def activations(self) -> Counter:
        """Bytes that the parts hold when they hold most, gradients of parameters left out."""
        return self._highest(self._gradients)

    def peak(self) -> int:
        """Most bytes that are held besides the weights and the optimizer's state."""
        return self._highest(()).total()

    def _highest(self, without: Container[int]) -> Counter:
        held, highest, total, most = Counter(), Counter(), 0, 0
        for number, part, size in self._events:
            if number in without:
                continue
            held[part] += size
            total += size
            if total > most:
                most, highest = total, Counter(held)
        return highest

    def _leave(self) -> None:
        self._inside.pop()

    def _part(self) -> str:
        node = torch._C._current_autograd_node()
        if node is not None:  # in a backward pass
            return self._part_of.get(node._sequence_nr() + 1, BETWEEN)
        self._part_of[torch.autograd._get_sequence_nr()] = self._inside[-1]
        return self._inside[-1]

    def _number(self, tensor: Tensor) -> int:
        storage = tensor.untyped_storage()
        if storage not in self._numbers:
            self._numbers[storage] = next(self._count)
        return self._numbers[storage]

    def _hold(self, tensor: Tensor, part: str) -> None:
        """Note a storage that was not there before, and when it goes."""
        storage = tensor.untyped_storage()
        if storage in self._numbers:
            return
        number, size = self._number(tensor), storage.nbytes()
        self._events.append((number, part, size))
        weakref.finalize(storage, self._events.append, (number, part, -size))


def tensors_in(tree) -> list[Tensor]:
    """All tensors of nested arguments or results."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
