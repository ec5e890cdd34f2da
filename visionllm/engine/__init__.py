from . import checkpoint
from .amp import BFloat16OptimWrapper
from .curves import LossCurve
from .looking import TeachLooking
from .memory_format import ChannelsLast
from .placing import TeachPlacing
from .pointing import TeachPointing
from .reading import TeachReading
from .runner import StrictRunner
from .telling import TeachTelling
from .tracing import TeachTracing
from .words import TeachWords

checkpoint.install_safe_loading()

__all__ = ['BFloat16OptimWrapper', 'ChannelsLast', 'LossCurve', 'StrictRunner', 'TeachLooking', 'TeachPlacing',
           'TeachPointing', 'TeachReading', 'TeachTelling', 'TeachTracing', 'TeachWords']
