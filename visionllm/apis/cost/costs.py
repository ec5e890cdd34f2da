"""Parameters, FLOPs, memory and time of a config, by part of the model and by task."""

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
from .probe import CostProbe


@dataclass(frozen=True)
class Usage:
    """FLOPs and memory of one training step or one inference."""
    flops: Counter  # by part
    activations: Counter  # bytes by part, at the time of their maximum
    peak: int  # bytes, without weights and optimizer state


@dataclass(frozen=True)
class TaskCost:
    """Usage of a task."""
    share: float  # of the training steps
    step: Usage
    inference: Usage  # for one image


@dataclass(frozen=True)
class Cost:
    """Cost of a config on one GPU. Counters are by part of the model; memory is in bytes."""
    parameters: Counter
    trained: Counter
    weights: Counter
    gradients: Counter
    optimizer: Counter
    tasks: dict[str, TaskCost]
    batch_size: int
    steps: int  # of the schedule

    @property
    def step_flops(self) -> Counter:
        """FLOPs of a training step by part, averaged over the tasks by their shares."""
        return self._mean(lambda task: task.step)

    @property
    def inference_flops(self) -> Counter:
        """FLOPs of the inference for one image by part, averaged over the tasks by their shares."""
        return self._mean(lambda task: task.inference)

    @property
    def activations(self) -> Counter:
        """Bytes of activations by part, of the task with the most."""
        return max((task.step for task in self.tasks.values()), key=lambda step: step.activations.total()).activations

    @property
    def peak(self) -> int:
        """Peak bytes of training; less than the sum of all kinds, because activations are freed in the backward
        pass."""
        return self.weights.total() + self.optimizer.total() + max(task.step.peak for task in self.tasks.values())

    def _mean(self, usage: Callable[[TaskCost], Usage]) -> Counter:
        mean = Counter()
        for task in self.tasks.values():
            for part, flops in usage(task).flops.items():
                mean[part] += task.share * flops
        return mean


def estimate_cost(cfg: Config, size: tuple[int, int]) -> Cost:
    """Estimate training and inference of a config's model. Nothing is loaded or computed.

    Args:
        cfg: Of a model that is trained on instructions.
        size: Height and width of the images in pixels.

    Raises:
        ConfigError: The config's training data has no tasks.
    """
    probe = CostProbe(cfg, size, 'meta')
    named = dict(probe.model.named_parameters())
    trained = {name: parameter for name, parameter in named.items() if parameter.requires_grad}
    with probe.running():
        probe.start_optimizer()
        tasks = {task: TaskCost(share, _usage(probe, probe.step(task)), _usage(probe, probe.inference(task)))
                 for task, share in probe.shares.items()}
    state = probe.optimizer.optimizer.state
    return Cost(
        parameters=_by_part(named, Tensor.numel), trained=_by_part(trained, Tensor.numel),
        weights=_by_part(named | dict(probe.model.named_buffers()), num_bytes), gradients=_by_part(trained, num_bytes),
        optimizer=_by_part(trained, lambda p: sum(map(num_bytes, tensors_in(state[p])))),
        tasks=tasks, batch_size=probe.batch_size, steps=cfg.train_cfg.max_iters)


def _usage(probe: CostProbe, run: Callable[[], object]) -> Usage:
    with Meter(probe.model) as meter:
        run()
    return Usage(meter.flops, meter.activations(), meter.peak())


def _by_part(tensors: dict[str, Tensor], amount: Callable[[Tensor], int]) -> Counter:
    parts = Counter()
    for name, tensor in tensors.items():
        parts[name.split('.')[0]] += amount(tensor)
    return parts


def num_bytes(tensor: Tensor) -> int:
    """Memory of a tensor ``float[...]`` in bytes."""
    return tensor.numel() * tensor.element_size()


@dataclass(frozen=True)
class Measured:
    """A training step as measured on this machine."""
    seconds: float
    flops: int
    peak: int  # bytes, without weights and optimizer state


def measure_steps(cfg: Config, size: tuple[int, int], repeats: int = 3) -> dict[str, Measured]:
    """Run training steps of each task on the CPU with random weights, to validate ``estimate_cost``.

    Args:
        cfg, size: As in ``estimate_cost``.
        repeats: Number of timed steps, of which the median is taken.
    """
    probe = CostProbe(cfg, size, 'cpu')
    with probe.running():
        probe.start_optimizer()
        return {task: _measure(probe.step(task), repeats) for task in probe.shares}


def _measure(step: Callable[[], object], repeats: int) -> Measured:
    with sdpa_kernel(SDPBackend.MATH):  # as on the meta device; the counter does not know the CPU's fused attention
        with FlopCounterMode(display=False) as counter:  # this step also warms up
            step()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            step()
    allocated = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == '[memory]':
            allocated += event.nbytes()
            peak = max(peak, allocated)
    return Measured(statistics.median(_seconds(step) for _ in range(repeats)), counter.get_total_flops(), peak)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def matmul_flops_per_second(dtype: torch.dtype, size: int = 2048) -> float:
    """Peak FLOPs per second of this machine, by the product of two square matrices of side ``size``."""
    matrix = torch.randn(size, size).to(dtype)
    return 2 * size**3 / min(_seconds(lambda: matrix @ matrix) for _ in range(5))
