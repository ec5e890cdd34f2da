from .blocks import class_pass_layout, coordinate_pass_layout

__all__ = ['class_pass_layout', 'coordinate_pass_layout']
