"""Mixed precision in bfloat16 on any device; mmengine's ``AmpOptimWrapper`` does not support CPUs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """An OptimWrapper whose forward passes run in bfloat16 where that is safe.

    bfloat16 has the range of float32, so no loss scaling is needed. Weights and optimizer state stay in float32.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield
