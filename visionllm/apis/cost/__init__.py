"""Estimates of parameters, FLOPs, memory and time of a config, without loading or running it."""

from .costs import Cost, estimate_cost, matmul_flops_per_second, measure_steps
from .dummy_inputs import check_countable, largest_image_size, without_weights
from .report import parts_table, schedule, tasks_table

__all__ = ['Cost', 'check_countable', 'estimate_cost', 'largest_image_size', 'matmul_flops_per_second', 'measure_steps',
           'parts_table', 'schedule', 'tasks_table', 'without_weights']
