"""A model that is trained and asked a few times, to see what that takes: in shape alone, or for real."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import FUNCTIONS

from visionllm.language import NAMES_AT_ONCE, TASKS, parse_instruction

from .dry_run import DryRun
from .stand_ins import datasets_of, sample_of, told_of_objects, without_weights

DRAWS = 25


class Trial:
    """Steps and answers of a config's model, without its weights, on stand-ins for its data.

    Args:
        cfg: Of a model that is trained on instructions.
        size: Height and width of the pictures.
        device: ``meta`` to run in shape alone, ``cpu`` to run.

    Attributes:
        shares: How often each task is trained; they sum to 1.
        pictures: In a step.

    Raises:
        ValueError: The config's data is not for tasks.
    """

    def __init__(self, cfg: Config, size: tuple[int, int], device: str):
        self.size, self.device, self.loader = size, device, cfg.train_dataloader
        self.pictures = self.loader.batch_size
        parts = datasets_of(self.loader)
        self.datasets = {part.pipeline[-1].get('task'): part for part in parts}
        if None in self.datasets:
            raise ValueError('The config\'s training data is not packed for a task, so no model is asked anything. '
                             'Take one of configs/visionllm, or give PackInstructionInputs a task.')
        weights = self.loader.sampler.get('weights', [1] * len(parts))
        self.shares = Counter()
        for part, weight in zip(parts, weights):
            self.shares[part.pipeline[-1].task] += weight / sum(weights)
        self.model = without_weights(cfg.model, device)
        self.optimizer = build_optim_wrapper(self.model, {**cfg.optim_wrapper, 'paramwise_cfg': None})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within it, steps can be taken and questions asked."""
        with DryRun() if self.device == 'meta' else nullcontext(), told_of_objects():
            yield

    def start_optimizer(self) -> None:
        """Give the optimizer the state that it has from its first step on."""
        for parameter in self.model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        self.optimizer.optimizer.step()
        self.optimizer.zero_grad()

    def step(self, task: str) -> Callable[[], object]:
        """A training step, ready to be taken."""
        self.model.train()
        seeds = sorted(range(DRAWS), key=lambda seed: self._length(task, seed))
        batch = self._drawn(task, seeds[DRAWS // 2], self.pictures)
        return lambda: self.model.train_step(batch, self.optimizer)

    def answer(self, task: str) -> Callable[[], object]:
        """An answer for one picture to an instruction that was not read before; where there are groups, to one."""
        self.model.eval()
        item = sample_of(task, self.datasets[task].type, self.size)
        sample = item['data_samples']
        instruction = TASKS[task].order(sample.text[:NAMES_AT_ONCE], question=sample.question)
        sample.set_metainfo(dict(instruction=instruction))
        batch = dict(inputs=[item['inputs']], data_samples=[sample])
        return torch.no_grad()(lambda: self.model.test_step(batch))

    def _length(self, task: str, seed: int) -> tuple[int, int]:
        """Of the answers and of the instruction that a seed draws."""
        text = self._drawn(task, seed, 1)['data_samples'][0].instruction
        return parse_instruction(text).output_format.num_points, len(text)

    def _drawn(self, task: str, seed: int, pictures: int) -> dict:
        """A batch with the instruction that a seed draws."""
        np.random.seed(seed)
        settings = dict(self.loader.collate_fn)
        collate = FUNCTIONS.get(settings.pop('type'))
        samples = [sample_of(task, self.datasets[task].type, self.size) for _ in range(pictures)]
        return collate(samples, **settings)
