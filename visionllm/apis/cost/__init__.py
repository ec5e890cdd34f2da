"""Estimates of parameters, FLOPs, memory and time of a config, without loading or running it."""

from .costs import Cost, estimate_cost, matmul_flops_per_second, measure_steps
from .dummy_inputs import has_published_detector, largest_image_size, without_weights
from .report import parts_table, schedule, tasks_table

__all__ = ['Cost', 'estimate_cost', 'has_published_detector', 'largest_image_size', 'matmul_flops_per_second',
           'measure_steps', 'parts_table', 'schedule', 'tasks_table', 'without_weights']
