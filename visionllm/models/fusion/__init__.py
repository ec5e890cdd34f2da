from .blocks import (
    CLASS_BLOCK,
    class_pass_layout,
    coordinate_pass_layout,
    few_enough,
    in_groups,
    next_coordinate_layout,
)

__all__ = ['CLASS_BLOCK', 'class_pass_layout', 'coordinate_pass_layout', 'few_enough', 'in_groups',
           'next_coordinate_layout']
