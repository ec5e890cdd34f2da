"""Random numbers of a training step depend on the seed and its index alone, so that a run can be resumed exactly.

mmengine's checkpoints do not contain the states of random generators. Samples are seeded in the same way
(``visionllm.datasets.seeded_sampling``). On a GPU, deterministic operations are needed as well:
``randomness=dict(seed=0, deterministic=True)``.
"""

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from visionllm.datasets.seeded_sampling import seed_all


@HOOKS.register_module()
class SeedSteps(Hook):
    """Seed all generators by the step's index, equally in all processes (as mmengine's ``randomness`` does)."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        seed_all(runner.seed, runner.iter, 1)  # 1: other numbers than a sample's
