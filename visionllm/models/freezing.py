"""Frozen parameters. Checkpoints leave them out: pre-trained weights are loaded from their own source."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


def exclude_frozen_parameters(module: nn.Module) -> None:
    """Exclude the parameters that are frozen now, and all buffers, from ``state_dict`` and from its missing keys."""
    frozen = {name for name, parameter in module.named_parameters(remove_duplicate=False)
              if not parameter.requires_grad}
    frozen |= {name for name, _ in module.named_buffers()}

    def remove_from_state_dict(_module, state_dict, prefix, _metadata):
        for name in frozen:
            state_dict.pop(prefix + name, None)

    def remove_from_missing_keys(_module, incompatible):
        missing = incompatible.missing_keys
        missing[:] = [key for key in missing if not any(key.endswith(name) for name in frozen)]

    module._register_state_dict_hook(remove_from_state_dict)
    module.register_load_state_dict_post_hook(remove_from_missing_keys)


@contextmanager
def train_only(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Context in which only ``parameters`` of a model require gradients."""
    trained = {id(parameter) for parameter in parameters}
    with requires_grad([p for p in model.parameters() if id(p) not in trained], False):
        yield


@contextmanager
def requires_grad(parameters: Iterable[nn.Parameter], value: bool) -> Iterator[None]:
    """Context in which parameters require gradients, or do not, whatever they did before."""
    changed = [parameter for parameter in parameters if parameter.requires_grad != value]
    for parameter in changed:
        parameter.requires_grad_(value)
    try:
        yield
    finally:
        for parameter in changed:
            parameter.requires_grad_(not value)


def keep_frozen_in_eval(parts: Iterable[nn.Module]) -> None:
    """Put those parts into evaluation mode that have no trainable parameter: their batch statistics stay."""
    for part in parts:
        if not any(parameter.requires_grad for parameter in part.parameters()):
            part.eval()
