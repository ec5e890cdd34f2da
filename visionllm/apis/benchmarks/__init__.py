"""Benchmarks of run time and memory, with reference implementations."""

from .coco_eval import CocoEvalBenchmark, coco_eval_suite
from .decoding import DecodingBenchmark, decoding_suite
from .deformable_attention import DeformableAttentionBenchmark, deformable_attention_suite
from .detector import DetectorBenchmark, detector_suite, vocabulary_suite
from .inputs import LLAMA_7B, build_model
from .loading import loading_suite
from .roofline import roofline_suite
from .timing import Suite, time_rows
from .training import HeadStepBenchmark, TaskStepBenchmark, training_suite

__all__ = ['LLAMA_7B', 'CocoEvalBenchmark', 'DecodingBenchmark', 'DeformableAttentionBenchmark', 'DetectorBenchmark',
           'HeadStepBenchmark', 'Suite', 'TaskStepBenchmark', 'build_model', 'coco_eval_suite', 'decoding_suite',
           'deformable_attention_suite', 'detector_suite', 'loading_suite', 'roofline_suite', 'time_rows',
           'training_suite', 'vocabulary_suite']
