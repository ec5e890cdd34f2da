"""Depthwise convolutions are several times faster on a CPU when channels lie together in memory."""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook


@HOOKS.register_module()
class ChannelsLast(Hook):
    """Put the weights of convolutions into the channels-last layout; pictures follow on their way through."""

    def before_run(self, runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
