"""The channels-last memory format: depthwise convolutions are several times faster on a CPU."""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class ChannelsLast(Hook):
    """Convert convolution weights to channels-last; activations follow."""

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
