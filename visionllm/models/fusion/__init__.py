from .block_layout import (
    CLASS_BLOCK,
    chunk_tuples,
    class_pass_layout,
    coordinate_pass_layout,
    fits_in_class_pass,
    next_coordinate_layout,
)

__all__ = ['CLASS_BLOCK', 'class_pass_layout', 'coordinate_pass_layout', 'fits_in_class_pass', 'chunk_tuples',
           'next_coordinate_layout']
