from visionllm import mmdet_setup  # noqa: F401

from .answers import AnswerMetric, normalize_answer
from .calibration import calibration_error
from .candidate_boxes import CandidateBoxMetric
from .caption_tokenizer import tokenize_caption
from .captioning import CaptionMetric, bleu, cider
from .coco import InstructionCocoMetric
from .detection import average_precision, hit_rate
from .documents import DocumentEvaluator
from .grounding import GroundingMetric
from .keypoints import KeypointMetric
from .lvis import FederatedMetric
from .task_evaluator import TaskEvaluator

__all__ = [
    'AnswerMetric', 'CandidateBoxMetric', 'CaptionMetric', 'DocumentEvaluator', 'FederatedMetric', 'GroundingMetric',
    'InstructionCocoMetric', 'KeypointMetric', 'TaskEvaluator', 'average_precision', 'bleu', 'calibration_error',
    'cider', 'hit_rate', 'normalize_answer', 'tokenize_caption'
]
