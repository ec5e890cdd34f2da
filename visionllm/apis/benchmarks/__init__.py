"""What things cost, each beside a peer."""

from .decoding import Decoding, decoding_suite
from .deformable import Deformable, deformable_suite
from .detector import Detector, detector_suite, vocabulary_suite
from .floors import floor_suite
from .judging import Judging, judging_suite
from .loading import loading_suite
from .subjects import LLAMA_7B, built
from .timing import Suite, timed
from .training import HeadStep, TaskSteps, training_suite

__all__ = ['LLAMA_7B', 'Decoding', 'Deformable', 'Detector', 'HeadStep', 'Judging', 'Suite', 'TaskSteps', 'built',
           'decoding_suite', 'deformable_suite', 'detector_suite', 'floor_suite', 'judging_suite', 'loading_suite',
           'timed', 'training_suite', 'vocabulary_suite']
