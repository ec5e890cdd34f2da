from . import checkpoint
from .curves import LossCurve
from .reading import TeachReading
from .runner import StrictRunner
from .words import TeachWords

checkpoint.install_safe_loading()

__all__ = ['LossCurve', 'StrictRunner', 'TeachReading', 'TeachWords']
