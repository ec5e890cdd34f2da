"""Costs as tables and a sentence."""

from collections.abc import Mapping

from ..report import table
from .costs import Cost, Measured


def parts_table(cost: Cost) -> str:
    """A row for each part of the model, and their sum."""
    columns = {'parameters, M': (cost.parameters, 1e6), 'trained, M': (cost.trained, 1e6),
               'weights, MB': (cost.weights, 1e6), 'gradients, MB': (cost.gradients, 1e6),
               'optimizer, MB': (cost.optimizer, 1e6), 'activations, MB': (cost.activations, 1e6),
               'GFLOP a step': (cost.step_flops, 1e9), 'GFLOP an answer': (cost.answer_flops, 1e9)}
    parts = dict.fromkeys(part for amounts, _ in columns.values() for part in amounts)
    rows = {part: {name: amounts[part] / unit for name, (amounts, unit) in columns.items()} for part in parts}
    return table(rows | {'all': {name: amounts.total() / unit for name, (amounts, unit) in columns.items()}})


def tasks_table(cost: Cost, flops_a_second: float, measured: Mapping[str, Measured]) -> str:
    """A row for each task; what was measured beside it."""
    standing = cost.weights.total() + cost.optimizer.total()
    rows = {}
    for name, task in cost.tasks.items():
        step, answer = task.step.flops.total(), task.answer.flops.total()
        rows[name] = {
            '% of steps': 100 * task.share, 'GFLOP a step': step / 1e9, 'ms a step': 1e3 * step / flops_a_second,
            'memory, MB': (standing + task.step.peak) / 1e6, 'GFLOP an answer': answer / 1e9,
            'memory of it, MB': (cost.weights.total() + task.answer.peak) / 1e6}
        if name in measured:
            found = measured[name]
            rows[name] |= {'measured GFLOP': found.flops / 1e9, 'measured MB': (standing + found.peak) / 1e6,
                           'measured ms': 1e3 * found.seconds}
    return table(rows)


def schedule(cost: Cost, flops_a_second: float, gpus: int) -> str:
    """How long training takes."""
    seconds = cost.step_flops.total() / flops_a_second
    hours = seconds * cost.steps / 3600
    return (f'{cost.steps:,} steps of {gpus} x {cost.pictures} pictures, {seconds:.2f} s each: {hours:,.1f} hours, '
            f'{gpus * hours:,.0f} of a GPU. Memory of each: {cost.peak / 1e9:.1f} GB.')
