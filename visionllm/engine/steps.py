"""Each training step draws its random numbers from the seed and its own number, so that a run can be resumed exactly.

What mmengine keeps in a checkpoint (weights, optimizer, schedules, smoothed losses) leaves out the random generators;
here there is nothing to keep. Samples are drawn in the same way (``visionllm.datasets.numbered``). On a GPU the
operations themselves must be deterministic, too: ``randomness=dict(seed=0, deterministic=True)``.
"""

from mmdet.registry import HOOKS
from mmengine.hooks import Hook

from visionllm.datasets.numbered import seed_by


@HOOKS.register_module()
class SeedSteps(Hook):
    """Seed by the number of the step before it is taken; all processes alike, as ``randomness`` of mmengine does."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        seed_by(runner.seed, runner.iter, 1)  # 1: other numbers than a sample's
