"""What a run costs, before it is run."""

from .costs import Cost, cost_of, measure, multiplying_speed
from .report import parts_table, schedule, tasks_table
from .stand_ins import largest_picture, without_weights

__all__ = ['Cost', 'cost_of', 'largest_picture', 'measure', 'multiplying_speed', 'parts_table', 'schedule',
           'tasks_table', 'without_weights']
