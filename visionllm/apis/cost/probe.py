"""Training steps and inferences of a model on dummy samples, on the meta device or for real."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import FUNCTIONS

from visionllm.errors import ConfigError
from visionllm.language import MAX_CLASSES_PER_INSTRUCTION, TASKS, parse_instruction

from .dummy_inputs import datasets_of, dummy_sample, fixed_object_selection, without_weights
from .meta_mode import MetaMode

NUM_SEEDS = 25


class CostProbe:
    """The model of a config without its weights, with dummy samples for its tasks.

    Args:
        cfg: Of a model that is trained on instructions.
        size: Height and width of the images in pixels.
        device: ``meta`` to propagate shapes only, ``cpu`` to compute.

    Attributes:
        shares: Share of the training steps of each task; they sum to 1.
        batch_size: Images per step.

    Raises:
        ConfigError: The config's training data has no tasks.
    """

    def __init__(self, cfg: Config, size: tuple[int, int], device: str):
        self.size, self.device, self.loader = size, device, cfg.train_dataloader
        self.batch_size = self.loader.batch_size
        parts = datasets_of(self.loader)
        self.datasets = {part.pipeline[-1].get('task'): part for part in parts}
        if None in self.datasets:
            raise ConfigError('The training data of the config has no task, so there are no instructions to estimate '
                              'the cost of. Take a config of configs/visionllm, or give PackInstructionInputs a task.')
        weights = self.loader.sampler.get('weights', [1] * len(parts))
        self.shares = Counter()
        for part, weight in zip(parts, weights):
            self.shares[part.pipeline[-1].task] += weight / sum(weights)
        self.model = without_weights(cfg.model, device)
        self.optimizer = build_optim_wrapper(self.model, {**cfg.optim_wrapper, 'paramwise_cfg': None})

    @contextmanager
    def running(self) -> Iterator[None]:
        """The context in which steps and inferences run."""
        with MetaMode() if self.device == 'meta' else nullcontext(), fixed_object_selection():
            yield

    def start_optimizer(self) -> None:
        """Create the optimizer's state, which it otherwise does in the first step."""
        for parameter in self.model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        self.optimizer.optimizer.step()
        self.optimizer.zero_grad()

    def step(self, task: str) -> Callable[[], object]:
        """A function that runs a training step, with an instruction of median length."""
        self.model.train()
        seeds = sorted(range(NUM_SEEDS), key=lambda seed: self._length(task, seed))
        batch = self._batch(task, seeds[NUM_SEEDS // 2], self.batch_size)
        return lambda: self.model.train_step(batch, self.optimizer)

    def inference(self, task: str) -> Callable[[], object]:
        """A function that predicts for one image and one instruction that is not cached."""
        self.model.eval()
        item = dummy_sample(task, self.datasets[task].type, self.size)
        sample = item['data_samples']
        instruction = TASKS[task].write_instruction(sample.text[:MAX_CLASSES_PER_INSTRUCTION], question=sample.question)
        sample.set_metainfo(dict(instruction=instruction))
        batch = dict(inputs=[item['inputs']], data_samples=[sample])
        return torch.no_grad()(lambda: self.model.test_step(batch))

    def _length(self, task: str, seed: int) -> tuple[int, int]:
        """Points per tuple and characters of the instruction that a seed gives."""
        text = self._batch(task, seed, 1)['data_samples'][0].instruction
        return parse_instruction(text).output_format.num_points, len(text)

    def _batch(self, task: str, seed: int, batch_size: int) -> dict:
        """A collated batch with the random instruction that a seed gives."""
        np.random.seed(seed)
        settings = dict(self.loader.collate_fn)
        collate = FUNCTIONS.get(settings.pop('type'))
        samples = [dummy_sample(task, self.datasets[task].type, self.size) for _ in range(batch_size)]
        return collate(samples, **settings)
