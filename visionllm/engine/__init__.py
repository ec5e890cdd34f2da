from . import checkpoint, saving
from .amp import BFloat16OptimWrapper
from .curves import LossCurve
from .finite import StopAtNaN
from .looking import TeachLooking
from .memory_format import ChannelsLast
from .placing import TeachPlacing
from .pointing import TeachPointing
from .reading import TeachReading
from .runner import StrictRunner
from .sharded_adamw import ShardedAdamW
from .sharding import ShardedDataParallel
from .steps import SeedSteps
from .telling import TeachTelling
from .tracing import TeachTracing
from .words import TeachWords

checkpoint.install_safe_loading()
saving.install_whole_files()

__all__ = ['BFloat16OptimWrapper', 'ChannelsLast', 'LossCurve', 'SeedSteps', 'ShardedAdamW', 'ShardedDataParallel',
           'StopAtNaN', 'StrictRunner', 'TeachLooking', 'TeachPlacing', 'TeachPointing', 'TeachReading', 'TeachTelling',
           'TeachTracing', 'TeachWords']
