"""Distributed training outside of mmengine's own training step, as pre-training stages need it."""

from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """The model without its distributed wrapper."""
    return model.module if is_model_wrapper(model) else model


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Average gradients over processes; a parameter that only some processes used has zero gradients in the others."""
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


def reset_ddp_usage(model: nn.Module) -> None:
    """Reset DDP's record of used parameters: it would wait for gradients of what a stage used outside of its steps."""
    if is_model_wrapper(model):
        model.reducer._reset_state()
