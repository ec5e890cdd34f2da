"""AdamW whose processes keep a share each of its state (ZeRO, stage 1), by torch's own engine.

mmengine's wrapper of it brings the shares together while its main process saves a checkpoint, and waits for the others
for ever; here ``StrictRunner`` does so before, on all.
"""

from collections.abc import Iterable

from mmengine.dist import is_distributed
from mmengine.registry import OPTIMIZERS
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.optim import AdamW


@OPTIMIZERS.register_module()
class ShardedAdamW(ZeroRedundancyOptimizer):
    """``AdamW`` for several processes. Steps and checkpoints are the same, so either goes on from the other's.

    Args:
        params: Parameters, or groups of them.
        settings: As of ``AdamW``.

    Raises:
        ValueError: There is one process.
    """

    def __init__(self, params: Iterable, **settings):
        if not is_distributed():
            raise ValueError('ShardedAdamW shares its state among several processes and there is one. Start them with '
                             'tools/dist_train.sh, or set optim_wrapper.optimizer.type=AdamW.')
        super().__init__(list(params), AdamW, **settings)
