from visionllm import mmdet_setup  # noqa: F401

from . import checkpoint_files
from .amp import BFloat16OptimWrapper
from .choice_scoring import ChoiceScoring
from .draw_predictions import DrawPredictions
from .interrupts import Interrupted, SaveOnInterrupt
from .loss_curve import LossCurve
from .memory_format import ChannelsLast
from .pretraining import PretrainingHook, RehearseReading
from .runner import StrictRunner
from .seed_steps import SeedSteps
from .sharded_adamw import ShardedAdamW
from .sharding import ShardedDataParallel
from .stop_at_nan import StopAtNaN

checkpoint_files.install_atomic_writes()

__all__ = ['BFloat16OptimWrapper', 'ChannelsLast', 'ChoiceScoring', 'DrawPredictions', 'Interrupted', 'LossCurve',
           'PretrainingHook', 'RehearseReading', 'SaveOnInterrupt', 'SeedSteps', 'ShardedAdamW',
           'ShardedDataParallel', 'StopAtNaN', 'StrictRunner']
