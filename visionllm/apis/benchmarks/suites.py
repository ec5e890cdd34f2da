"""All suites by name, built from the arguments of ``visionllm benchmark``."""

from argparse import Namespace
from collections.abc import Callable
from itertools import cycle

from torch import nn

from visionllm import VisionLLM
from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS
from visionllm.models import CausalLM

from .coco_eval import CocoEvalBenchmark, coco_eval_suite
from .decoding import DecodingBenchmark, decoding_suite
from .deformable_attention import DeformableAttentionBenchmark, deformable_attention_suite
from .detector import DetectorBenchmark, detector_suite, vocabulary_suite
from .inputs import LLAMA_7B, build_model
from .loading import loading_suite
from .photographs import CAMERA_SIZE, FolderBenchmark, PhotographBenchmark, photographs_suite
from .roofline import roofline_suite
from .timing import Suite
from .training import HeadStepBenchmark, TaskStepBenchmark, training_suite

R50 = 'configs/visionllm/visionllm_r50_32xb1-50e_stage1_coco.py'
FIVE_TASKS = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
SCENES = 'data/scenes_tiny/'
NUM_IMAGES = 16


def training(args: Namespace) -> Suite:
    """Training steps of the nano model on synthetic scenes."""
    model = build_model(FIVE_TASKS, args.llm, args.text_encoder)
    shared = [TASKS['detection'].write_instruction(SHAPES)] * NUM_IMAGES
    phrases = [TASKS['grounding'].write_instruction([f'small red {shape} left of the star'], wording)
               for wording, shape in zip(range(NUM_IMAGES), cycle(SHAPES))]
    return training_suite(HeadStepBenchmark(model, shared), HeadStepBenchmark(model, phrases, objects=1),
                          TaskStepBenchmark(FIVE_TASKS, model, SCENES))


def decoding(args: Namespace) -> DecodingBenchmark:
    """Decoding with the language model of the arguments."""
    llm = CausalLM(args.llm, lora_rank=0, random_config=llm_size(args))
    return DecodingBenchmark(llm.to(args.device).eval())


def detector(args: Namespace) -> nn.Module:
    """The paper's R50 model with the language model of the arguments."""
    return build_model(R50, args.llm, args.text_encoder, llm_size(args)).to(args.device)


def photographs(args: Namespace) -> Suite:
    """The shipped model for photographs, and open-vocabulary detectors."""
    model = VisionLLM('photo', device=args.device)
    benchmarks = {'SSD MobileNetV2': PhotographBenchmark(model.inferencer.model)}
    folders = [FolderBenchmark(model), FolderBenchmark(model, count=16, size=CAMERA_SIZE)]
    return photographs_suite(benchmarks, folders, args.device)


def llm_size(args: Namespace) -> dict | None:
    """Changes to the config of the language model; None for its own weights."""
    return LLAMA_7B if args.llama_7b else None


SUITES: dict[str, Callable[[Namespace], Suite]] = dict(
    decoding=lambda args: decoding_suite(decoding(args)),
    roofline=lambda args: roofline_suite(decoding(args)),
    detector=lambda args: detector_suite(DetectorBenchmark(detector(args))),
    vocabulary=lambda args: vocabulary_suite(DetectorBenchmark(detector(args), names=LVIS_NAMES[:320])),
    training=training,
    deformable=lambda args: deformable_attention_suite(DeformableAttentionBenchmark(args.device)),
    photographs=photographs,
    coco_eval=lambda args: coco_eval_suite(CocoEvalBenchmark()),
    loading=lambda args: loading_suite(FIVE_TASKS, SCENES))
