"""AdamW with its state sharded over processes (ZeRO stage 1), by torch's ``ZeroRedundancyOptimizer``.

mmengine's own wrapper consolidates the state in the main process alone while saving, which deadlocks; here
``StrictRunner`` does it before, in all processes.
"""

from collections.abc import Iterable

from mmengine.dist import is_distributed
from mmengine.registry import OPTIMIZERS
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.optim import AdamW

from visionllm.errors import ConfigError


@OPTIMIZERS.register_module()
class ShardedAdamW(ZeroRedundancyOptimizer):
    """``AdamW`` for several processes; steps and checkpoints are those of ``AdamW``.

    Args:
        params: Parameters, or groups of them.
        settings: As of ``AdamW``.

    Raises:
        ConfigError: There is only one process.
    """

    def __init__(self, params: Iterable, **settings: object):
        if not is_distributed():
            raise ConfigError('ShardedAdamW shares its state among several processes and there is one. Start them with '
                              'tools/dist_train.sh, or set optim_wrapper.optimizer.type=AdamW.')
        super().__init__(list(params), AdamW, **settings)
