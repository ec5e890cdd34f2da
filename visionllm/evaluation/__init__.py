from .answers import AnswerMetric, normal_answer
from .by_task import TaskEvaluator
from .calibration import calibration_error
from .caption_words import tokenize_caption
from .captioning import CaptionMetric, bleu, cider
from .detection import average_precision, hits
from .grounding import GroundingMetric
from .keypoints import KeypointMetric
from .lvis import FederatedMetric

__all__ = [
    'AnswerMetric', 'CaptionMetric', 'FederatedMetric', 'GroundingMetric', 'KeypointMetric', 'TaskEvaluator', 'bleu',
    'average_precision', 'calibration_error', 'cider', 'hits', 'normal_answer', 'tokenize_caption'
]
