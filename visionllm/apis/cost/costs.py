"""What a run costs, before it is run: parameters, FLOPs, memory and time of a config, part by part."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from .meter import Meter, tensors_in
from .trial import Trial


@dataclass(frozen=True)
class Work:
    """What one step or one answer takes."""
    flops: Counter  # by part
    activations: Counter  # bytes by part, when most are held
    peak: int  # bytes, besides weights and optimizer


@dataclass(frozen=True)
class TaskCost:
    """What a task takes."""
    share: float  # of the steps
    step: Work
    answer: Work  # for one picture


@dataclass(frozen=True)
class Cost:
    """What a config takes on one GPU, by part where it is a ``Counter``; bytes of memory."""
    parameters: Counter
    trained: Counter
    weights: Counter
    gradients: Counter
    optimizer: Counter
    tasks: dict[str, TaskCost]
    pictures: int  # in a step
    steps: int  # of the schedule

    @property
    def step_flops(self) -> Counter:
        """Of the tasks' mean, by part."""
        return self._mean(lambda task: task.step)

    @property
    def answer_flops(self) -> Counter:
        """Of the tasks' mean, by part."""
        return self._mean(lambda task: task.answer)

    @property
    def activations(self) -> Counter:
        """Of the task that takes most, by part."""
        return max((task.step for task in self.tasks.values()), key=lambda step: step.activations.total()).activations

    @property
    def peak(self) -> int:
        """Most that a step holds: less than the sum of its kinds, since activations go as gradients come."""
        return self.weights.total() + self.optimizer.total() + max(task.step.peak for task in self.tasks.values())

    def _mean(self, work: Callable[[TaskCost], Work]) -> Counter:
        mean = Counter()
        for task in self.tasks.values():
            for part, flops in work(task).flops.items():
                mean[part] += task.share * flops
        return mean


def cost_of(cfg: Config, size: tuple[int, int]) -> Cost:
    """What training and asking the model of a config takes. Nothing is loaded and nothing computed.

    Args:
        cfg: Of a model that is trained on instructions.
        size: Height and width of the pictures.
    """
    trial = Trial(cfg, size, 'meta')
    named = dict(trial.model.named_parameters())
    trained = {name: parameter for name, parameter in named.items() if parameter.requires_grad}
    with trial.running():
        trial.start_optimizer()
        tasks = {task: TaskCost(share, _work(trial, trial.step(task)), _work(trial, trial.answer(task)))
                 for task, share in trial.shares.items()}
    state = trial.optimizer.optimizer.state
    return Cost(
        parameters=_by_part(named, Tensor.numel), trained=_by_part(trained, Tensor.numel),
        weights=_by_part(named | dict(trial.model.named_buffers()), bytes_of), gradients=_by_part(trained, bytes_of),
        optimizer=_by_part(trained, lambda p: sum(map(bytes_of, tensors_in(state[p])))),
        tasks=tasks, pictures=trial.pictures, steps=cfg.train_cfg.max_iters)


def _work(trial: Trial, run: Callable[[], object]) -> Work:
    with Meter(trial.model) as meter:
        run()
    return Work(meter.flops, meter.activations(), meter.peak())


def _by_part(tensors: dict[str, Tensor], amount: Callable[[Tensor], int]) -> Counter:
    parts = Counter()
    for name, tensor in tensors.items():
        parts[name.split('.')[0]] += amount(tensor)
    return parts


def bytes_of(tensor: Tensor) -> int:
    """Memory of a tensor."""
    return tensor.numel() * tensor.element_size()


@dataclass(frozen=True)
class Measured:
    """What a step took on this machine."""
    seconds: float
    flops: int
    peak: int  # bytes, besides weights and optimizer


def measure(cfg: Config, size: tuple[int, int], repeats: int = 3) -> dict[str, Measured]:
    """Training steps of each task, taken here with random weights: what ``cost_of`` says, by other means."""
    trial = Trial(cfg, size, 'cpu')
    with trial.running():
        trial.start_optimizer()
        return {task: _measured(trial.step(task), repeats) for task in trial.shares}


def _measured(step: Callable[[], object], repeats: int) -> Measured:
    with sdpa_kernel(SDPBackend.MATH):  # as in shape alone; the counter does not know a CPU's fused attention
        with FlopCounterMode(display=False) as counter:  # and warms up
            step()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            step()
    held = most = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == '[memory]':
            held += event.nbytes()
            most = max(most, held)
    return Measured(statistics.median(_seconds(step) for _ in range(repeats)), counter.get_total_flops(), most)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def multiplying_speed(dtype: torch.dtype, size: int = 2048) -> float:
    """FLOPs a second of a matrix product here: the peak that a fraction of can be reached."""
    matrix = torch.randn(size, size).to(dtype)
    return 2 * size**3 / min(_seconds(lambda: matrix @ matrix) for _ in range(5))
