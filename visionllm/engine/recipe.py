"""A recipe: several trainings in order, each starting from what the ones before leave, and an export at the end.

Resumable: a training that has reached its last step is skipped, one that was stopped goes on from its checkpoint, and
pre-training stages are cached (``visionllm.engine.pretraining``).
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmdet.registry import HOOKS
from mmengine.config import Config

from visionllm.atomic_write import write_atomically
from visionllm.errors import ConfigError, UserError

from .checkpoint_files import last_checkpoint

TOOLS = Path(__file__).parents[2] / 'tools'
TIMINGS = 'recipe_timings.json'


class RecipeError(UserError, RuntimeError):
    """A training of a recipe that failed."""


@dataclass(frozen=True)
class Run:
    """A training of a recipe."""
    config: str
    minutes: float  # as measured for the recipe
    amp: bool = False
    stage_minutes: dict[str, float] = field(default_factory=dict)  # of its pre-training stages, by name

    @property
    def name(self) -> str:
        """Name of the config, and of its work dir."""
        return Path(self.config).stem


class Recipe:
    """Trainings in order.

    Args:
        path: Config with ``runs`` (arguments of ``Run``) and ``out``, the folder to export the last one's model to.
        work_dirs: Folder of the work dirs.

    Raises:
        ConfigError: The config has no runs.
    """

    def __init__(self, path: str | Path, work_dirs: str | Path = 'work_dirs'):
        cfg = Config.fromfile(path)
        if not cfg.get('runs') or not cfg.get('out'):
            raise ConfigError(f'{path} is no recipe: it needs runs=[dict(config=..., minutes=...), ...] and '
                              'out=FOLDER.')
        self.runs = [Run(**run) for run in cfg.runs]
        self.out, self.work_dirs = Path(cfg.out), Path(work_dirs)

    def plan(self) -> Iterator[str]:
        """What will be done, and how long it took last time, a line each."""
        timings = self._timings()
        yield f'{len(self.runs)} trainings, then {self.out}:'
        for number, run in enumerate(self.runs, 1):
            took = f'{timings[run.name] / 60:.0f} min last time' if run.name in timings else \
                f'{run.minutes:.0f} min where it was measured'
            is_done = self.is_done(run)
            yield f'{number}. {run.config}: {"done" if is_done else took}'
            if not is_done:
                yield from (f'     {line}' for line in stage_plan(run))

    def is_done(self, run: Run) -> bool:
        """Whether a training has reached its last step."""
        last = last_checkpoint(self.work_dirs / run.name)
        steps = Config.fromfile(run.config).train_cfg.max_iters
        return last is not None and Path(last).name == f'iter_{steps}.pth'

    def execute(self) -> None:
        """Train what is not done, and export.

        Raises:
            RecipeError: A training failed; names the command that goes on.
        """
        for run in self.runs:
            if not self.is_done(run):
                start = time.time()
                work_dir = str(self.work_dirs / run.name)
                self._tool('train', run.config, '--work-dir', work_dir, '--resume', *(['--amp'] if run.amp else []))
                self._record(run, time.time() - start)
        last = self.runs[-1]
        checkpoint = last_checkpoint(self.work_dirs / last.name)
        self._tool('export', last.config, checkpoint, str(self.out), '--note', self._note())

    def _tool(self, name: str, *arguments: str) -> None:
        command = [sys.executable, str(TOOLS / f'{name}.py'), *arguments]
        if subprocess.run(command).returncode:
            raise RecipeError(f'`python tools/{name}.py {" ".join(arguments)}` failed (its own error is above). What '
                              'was finished is kept: the same command goes on from there.')

    def _note(self) -> str:
        minutes = ', '.join(f'{run.name} {self._timings().get(run.name, 0) / 60:.0f} min' for run in self.runs)
        return f'Made by a recipe: {minutes}.'

    def _timings(self) -> dict[str, float]:
        path = self.work_dirs / TIMINGS
        return json.loads(path.read_text()) if path.exists() else {}

    def _record(self, run: Run, seconds: float) -> None:
        timings = self._timings() | {run.name: round(seconds)}
        write_atomically(self.work_dirs / TIMINGS, json.dumps(timings, indent=1).encode())


def stage_plan(run: Run) -> list[str]:
    """The plan of a training's pre-training stages; nothing where it has none."""
    hooks = Config.fromfile(run.config).get('custom_hooks', ())
    return [line for hook in hooks if hook.type == 'PretrainingHook'
            for line in HOOKS.build(hook).plan(run.stage_minutes)]
