"""How far a pre-training stage has come, on disk, so that one that was interrupted or killed goes on where it was."""

import time
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from visionllm.atomic_write import write_atomically
from visionllm.datasets.seeded_sampling import seed_all
from visionllm.models.safe_loading import load_local

from ..interrupts import Interrupted, noted_signal

SAVE_INTERVAL = 100  # a stage that is killed repeats fewer steps than these
STEP_SEED = 2  # other random numbers than a sample's, or than those of a training step


class StageProgress:
    """The steps of a stage that are still to be done, and a file of what the others have learned.

    A step has random numbers of its own (``seed_all``), so that a stage that goes on ends with the same weights.

    Args:
        path: File to go on from, and to save to; None saves nothing.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        found = [load_local(str(path)) if path and is_main_process() and path.exists() else None]
        broadcast_object_list(found)  # other machines may not see the same disk
        self._found = found[0]
        self.num_batches = self._found['num_batches'] if self._found else 0  # drawn, also those without objects
        self._seconds = self._found['seconds'] if self._found else 0.0
        self._start = time.time()

    @property
    def seconds(self) -> float:
        """Time spent on the stage, over all runs."""
        return self._seconds + time.time() - self._start

    def batches(self, loader: DataLoader) -> Iterator[dict]:
        """Batches that were not drawn yet.

        The workers are started at once: PyTorch draws a random number for them, which must not be one of a step's.
        """
        drawn = self.num_batches
        if drawn and hasattr(loader.sampler, 'skip'):
            loader.sampler.skip(drawn * loader.batch_size)
            drawn = 0
        return self._counted(islice(iter(loader), drawn, None))

    def _counted(self, batches: Iterator[dict]) -> Iterator[dict]:
        for batch in batches:
            self.num_batches += 1
            yield batch

    def steps(self, name: str, count: int, seed: int, model: nn.Module, optimizer: Optimizer | OptimWrapper
              ) -> Iterator[int]:
        """Indices of the steps that are to be done, after the model and the optimizer were brought to where they were.

        Args:
            name: Of the stage.
            count: Of its steps, with those that are done.
            seed: Of their random numbers.

        Raises:
            Interrupted: The training was interrupted; what was learned is saved.
        """
        first = self._restore(model, optimizer) if self._found else 0
        for step in range(first, count):
            signum = noted_signal(step)
            if step > first and (signum is not None or step % SAVE_INTERVAL == 0):
                self._save(step, model, optimizer)
            if signum is not None:
                raise Interrupted(f'Pre-training was interrupted at step {step} of {count} of {name}. What was learned '
                                  'is kept: run it again, and it goes on there.', signum)
            seed_all(seed, step, STEP_SEED)
            yield step

    def _restore(self, model: nn.Module, optimizer: Optimizer | OptimWrapper) -> int:
        model.load_state_dict(model.state_dict() | self._found['state_dict'])
        optimizer.load_state_dict(self._found['optimizer'])
        return self._found['step']

    def _save(self, step: int, model: nn.Module, optimizer: Optimizer | OptimWrapper) -> None:
        if not (self.path and is_main_process()):
            return
        trained = {parameter for group in optimizer.param_groups for parameter in group['params']}
        names = {name for name, parameter in model.named_parameters() if parameter in trained}
        names |= {name for name, _ in model.named_buffers()}
        content = BytesIO()
        torch.save(dict(state_dict={name: value for name, value in model.state_dict().items() if name in names},
                        optimizer=optimizer.state_dict(), step=step, num_batches=self.num_batches,
                        seconds=self.seconds), content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, content.getvalue())

    def finish(self) -> None:
        """Remove the file: the stage's result takes its place."""
        if self.path and is_main_process():
            self.path.unlink(missing_ok=True)
