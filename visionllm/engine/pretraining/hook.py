"""All stages of pre-training of a run, in one list."""

from mmdet.registry import HOOKS, TASK_UTILS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from visionllm.errors import ConfigError

from ..distributed import unwrapped
from .cache import StageCache, stage_key
from .stage import PretrainingStage


@HOOKS.register_module()
class PretrainingHook(Hook):
    """Run stages one after the other before a new training; a resumed one has had them.

    Each stage starts from the weights that the one before left. Finished stages are kept in ``cache_dir``, so stages
    that several runs share are trained once; and so is how far a stage has come: a run that was stopped goes on there.

    Args:
        stages: Configs of ``PretrainingStage``, in order.
        cache_dir: Folder of finished stages, shared by all runs.

    Raises:
        ConfigError: Two stages have the same name.
    """

    priority = 'LOWEST'  # after the model's own weights were loaded

    def __init__(self, stages: list[dict], cache_dir: str = 'work_dirs/pretraining'):
        self.stages: list[PretrainingStage] = [TASK_UTILS.build(stage) for stage in stages]
        self.cache = StageCache(cache_dir)
        names = [stage.name for stage in self.stages]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ConfigError(f'Two pre-training stages are named {", ".join(repeated)}; names tell their caches and '
                              'timings apart, so give each its own.')

    def before_train(self, runner: Runner) -> None:
        if runner.iter > 0 or not self.stages:
            return
        for line in self.plan():
            print_log(line, 'current')
        for stage in self.stages:
            if stage.steps:
                self._run(stage, runner)

    def plan(self, minutes: dict[str, float] | None = None) -> list[str]:
        """One line per stage: its steps, and how long it took last time.

        Args:
            minutes: Of stages by name, as they were measured elsewhere; shown where this machine has none of its own.
        """
        timings, minutes = self.cache.timings(), minutes or {}
        lines = [f'Pre-training: {len(self.stages)} stages, cached in {self.cache.folder}']
        for number, stage in enumerate(self.stages, 1):
            took = f'{minutes[stage.name]:.0f} min where it was measured' if stage.name in minutes else 'not timed yet'
            took = f'{timings[stage.name] / 60:.1f} min last time' if stage.name in timings else took
            lines.append(f'  {number}. {stage.name} ({type(stage).__name__}): {stage.steps} steps, {took}')
        return lines

    def _run(self, stage: PretrainingStage, runner: Runner) -> None:
        model = unwrapped(runner.model)
        stage.check(model)
        key = stage_key(stage, runner)
        state = self.cache.load(stage, key)
        if state is None:
            progress = self.cache.progress(stage, key)
            state = stage.run(runner, progress)
            self.cache.save(stage, key, state, progress.seconds)
            progress.finish()
            print_log(f'{stage.name}: done in {progress.seconds / 60:.1f} min', 'current')
            return
        load_changed(model, state)
        print_log(f'{stage.name}: from the cache, {self.cache.path(stage, key)}', 'current')


def load_changed(model: nn.Module, state: dict) -> None:
    """Load the tensors that a stage changed over the model's own."""
    model.load_state_dict(model.state_dict() | state)
