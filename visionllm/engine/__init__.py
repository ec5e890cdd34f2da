from . import checkpoint
from .amp import BFloat16OptimWrapper
from .curves import LossCurve
from .memory_format import ChannelsLast
from .reading import TeachReading
from .runner import StrictRunner
from .words import TeachWords

checkpoint.install_safe_loading()

__all__ = ['BFloat16OptimWrapper', 'ChannelsLast', 'LossCurve', 'StrictRunner', 'TeachReading', 'TeachWords']
