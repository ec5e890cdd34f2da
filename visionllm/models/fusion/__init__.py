from .blocks import class_pass_layout, coordinate_pass_layout, in_groups, next_coordinate_layout

__all__ = ['class_pass_layout', 'coordinate_pass_layout', 'in_groups', 'next_coordinate_layout']
