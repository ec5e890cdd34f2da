from . import checkpoint
from .reading import TeachReading
from .runner import StrictRunner
from .words import TeachWords

checkpoint.install_safe_loading()

__all__ = ['StrictRunner', 'TeachReading', 'TeachWords']
