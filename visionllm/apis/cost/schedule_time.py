"""The time of a schedule, measured: a few steps of each pre-training stage and of the training, on its own data.

For models on a published detector, which another library may run: its operations cannot be counted in PyTorch.
"""

import tempfile
import time
from collections.abc import Iterator

from mmengine.config import Config

from visionllm.engine import PretrainingHook, StrictRunner
from visionllm.engine.pretraining import PretrainingStage
from visionllm.engine.pretraining.progress import StageProgress

MEASURED_STEPS = 4  # the first of them is a warm-up


class TimedProgress(StageProgress):
    """Keeps the times at which the steps of a stage began."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def steps(self, *args: object) -> Iterator[int]:
        """As in ``StageProgress``."""
        for step in super().steps(*args):
            self.times.append(time.perf_counter())
            yield step


def measure_schedule(cfg: Config) -> dict[str, tuple[int, float]]:
    """Steps, and seconds of a step, of each pre-training stage by name and of the ``training``.

    Args:
        cfg: Of a training; its data and the weights that it starts from must be there.
    """
    cfg.log_level = 'WARNING'
    with tempfile.TemporaryDirectory() as cfg.work_dir:  # for logs, which say nothing here
        runner = StrictRunner.from_cfg(cfg)
    runner.model.init_weights()
    stages = [stage for hook in runner.hooks if isinstance(hook, PretrainingHook) for stage in hook.stages]
    measured = {stage.name: (stage.steps, seconds_of_stage(stage, runner)) for stage in stages if stage.steps}
    return measured | dict(training=(cfg.train_cfg.max_iters, seconds_of_training(runner)))


def seconds_of_stage(stage: PretrainingStage, runner: StrictRunner) -> float:
    """Mean time of a step of a stage, which is run for ``MEASURED_STEPS`` of them."""
    steps, stage.steps = stage.steps, MEASURED_STEPS
    progress = TimedProgress()
    try:
        stage.run(runner, progress)
    finally:
        stage.steps = steps
    return (progress.times[-1] - progress.times[0]) / (MEASURED_STEPS - 1)


def seconds_of_training(runner: StrictRunner) -> float:
    """Mean time of a training step."""
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.model.train()
    batches = iter(runner.build_dataloader(runner.cfg.train_dataloader, seed=runner.seed))
    times = []
    for _ in range(MEASURED_STEPS):
        runner.model.train_step(next(batches), runner.optim_wrapper)
        times.append(time.perf_counter())
    return (times[-1] - times[0]) / (MEASURED_STEPS - 1)


def schedule_table(measured: dict[str, tuple[int, float]]) -> str:
    """What ``measure_schedule`` gives, as a table with hours, and their sum."""
    rows = [f'{"":36s}{"steps":>8s}{"s a step":>10s}{"hours":>8s}']
    rows += [f'{name:36s}{steps:8d}{seconds:10.2f}{steps * seconds / 3600:8.2f}'
             for name, (steps, seconds) in measured.items()]
    total = sum(steps * seconds for steps, seconds in measured.values()) / 3600
    return '\n'.join([*rows, f'{"together":54s}{total:8.2f}'])
