"""Several processes of one run: what mmengine's training step does for itself, lessons have to ask for."""

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, which a distributed run has put into a wrapper."""
    return model.module if is_model_wrapper(model) else model


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give all processes the mean of their gradients; those of a parameter that only some have used are 0 elsewhere."""
    if get_world_size() == 1:
        return
    parameters = list(parameters)
    used = torch.tensor([float(parameter.grad is not None) for parameter in parameters], device=parameters[0].device)
    all_reduce(used, 'max')
    shared = [parameter for parameter, by_any in zip(parameters, used.tolist()) if by_any]
    for parameter in shared:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    all_reduce_params([parameter.grad for parameter in shared], op='mean')


def forget_use(model: nn.Module) -> None:
    """Make DDP forget what was used outside of its own steps, or it expects gradients of all that in the next."""
    if is_model_wrapper(model):
        model.reducer._reset_state()
