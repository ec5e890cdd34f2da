"""Cost estimates as text."""

from collections.abc import Mapping

from ..charts import table
from .costs import Cost, Measured


def parts_table(cost: Cost) -> str:
    """A table with a row per part of the model and one for their sum."""
    columns = {'parameters, M': (cost.parameters, 1e6), 'trained, M': (cost.trained, 1e6),
               'weights, MB': (cost.weights, 1e6), 'gradients, MB': (cost.gradients, 1e6),
               'optimizer, MB': (cost.optimizer, 1e6), 'activations, MB': (cost.activations, 1e6),
               'GFLOP/step': (cost.step_flops, 1e9), 'GFLOP/inference': (cost.inference_flops, 1e9)}
    parts = dict.fromkeys(part for amounts, _ in columns.values() for part in amounts)
    rows = {part: {name: amounts[part] / unit for name, (amounts, unit) in columns.items()} for part in parts}
    return table(rows | {'all': {name: amounts.total() / unit for name, (amounts, unit) in columns.items()}})


def tasks_table(cost: Cost, flops_per_second: float, measured: Mapping[str, Measured]) -> str:
    """A table with a row per task.

    Args:
        cost: The estimate.
        flops_per_second: Of the GPU, for the times.
        measured: By task, shown next to the estimate; may be empty.
    """
    static = cost.weights.total() + cost.optimizer.total()
    rows = {}
    for name, task in cost.tasks.items():
        step, inference = task.step.flops.total(), task.inference.flops.total()
        rows[name] = {
            '% of steps': 100 * task.share, 'GFLOP/step': step / 1e9, 'ms/step': 1e3 * step / flops_per_second,
            'memory, MB': (static + task.step.peak) / 1e6, 'GFLOP/inference': inference / 1e9,
            'inference memory, MB': (cost.weights.total() + task.inference.peak) / 1e6}
        if name in measured:
            step = measured[name]
            rows[name] |= {'measured GFLOP': step.flops / 1e9, 'measured MB': (static + step.peak) / 1e6,
                           'measured ms': 1e3 * step.seconds}
    return table(rows)


def schedule(cost: Cost, flops_per_second: float, gpus: int) -> str:
    """A sentence with the time of training on a number of GPUs, and their memory."""
    seconds = cost.step_flops.total() / flops_per_second
    hours = seconds * cost.steps / 3600
    return (f'{cost.steps:,} steps of {gpus} x {cost.batch_size} images, {seconds:.2f} s each: {hours:,.1f} hours, '
            f'{gpus * hours:,.0f} GPU hours. Memory per GPU: {cost.peak / 1e9:.1f} GB.')
