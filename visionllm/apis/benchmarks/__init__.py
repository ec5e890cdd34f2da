"""What things cost, each beside a peer."""

from .decoding import Decoding, decoding_suite
from .deformable import Deformable, deformable_suite
from .detector import Detector, detector_suite, vocabulary_suite
from .judging import Judging, judging_suite
from .loading import loading_suite
from .subjects import built
from .timing import Suite, timed
from .training import HeadStep, TaskSteps, training_suite

__all__ = ['Decoding', 'Deformable', 'Detector', 'HeadStep', 'Judging', 'Suite', 'TaskSteps', 'built', 'decoding_suite',
           'deformable_suite', 'detector_suite', 'judging_suite', 'loading_suite', 'timed', 'training_suite',
           'vocabulary_suite']
