"""What things cost, beside their peers: ``python tools/benchmark.py [SUITE ...] [--out docs/benchmark.json]``.

decoding   tuples behind a prefix of 300 tokens, in ways of ours and of others; ``some`` are ten of a hundred
detector   R50 and a language model on a picture of 480 x 640 with 80 classes, beside MMDetection's Deformable DETR R50
training   a step with one instruction for all pictures, with one a picture; outlines against boxes
judging    COCO evaluation of 1,000 pictures x 100 detections, beside pycocotools
loading    batches of training samples, beside MMDetection's

Seconds are medians of one run in which the rows of a suite take turns; ratios are between rows of it.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from visionllm.apis.benchmarks import (
    Decoding,
    Detector,
    Judging,
    SharedInstruction,
    Suite,
    TaskSteps,
    decoding_suite,
    detector_suite,
    judging_suite,
    loading_suite,
    timed,
    training_suite,
)
from visionllm.apis.report import bars
from visionllm.datasets.scenes import SHAPES
from visionllm.models import CausalLM

R50 = 'configs/visionllm/visionllm_r50_32xb1-50e_coco.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
SCENES = 'data/scenes_tiny/'


def training(args: argparse.Namespace) -> Suite:
    cfg = Config.fromfile(FIVE)
    cfg.merge_from_dict({'model.llm.source': args.llm, 'model.text_encoder.source': args.text_encoder})
    model = MODELS.build(cfg.model)
    return training_suite(SharedInstruction(model, SHAPES), TaskSteps(FIVE, model, SCENES))


SUITES: dict[str, Callable[[argparse.Namespace], Suite]] = dict(
    decoding=lambda args: decoding_suite(Decoding(CausalLM(args.llm, lora_rank=0).eval())),
    detector=lambda args: detector_suite(Detector(R50, args.llm, args.text_encoder)),
    training=training,
    judging=lambda args: judging_suite(Judging()),
    loading=lambda args: loading_suite(FIVE, SCENES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suites', nargs='*', metavar='SUITE', help='all if none is named')
    parser.add_argument('--llm', default='wheel:smollm2-135m-instruct', help='hub id or folder of a causal LM')
    parser.add_argument('--text-encoder', default='wheel:all-minilm-l6-v2', help='hub id or folder of a BERT')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--out', type=Path, help='write the result here as JSON, and its chart beside it')
    args = parser.parse_args()
    if unknown := set(args.suites) - set(SUITES):
        parser.error(f'There is no suite {", ".join(sorted(unknown))}; there are {", ".join(SUITES)}.')
    init_default_scope('mmdet')
    torch.manual_seed(0)
    result = dict(llm=args.llm, text_encoder=args.text_encoder, threads=torch.get_num_threads(), seconds={}, ratios={})
    for name in args.suites or SUITES:
        suite = SUITES[name](args)
        seconds = timed(suite.rows, args.repeats)
        found = dict(seconds=seconds, ratios=suite.compare(seconds))
        for kind, figures in found.items():
            result[kind] |= figures
            print(f'{name}, {kind}')
            print('\n'.join(f'  {row:46s}{value:9.3f}' for row, value in figures.items()), flush=True)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1))
        bars(result['seconds'], 'seconds', args.out.with_suffix('.png'))


if __name__ == '__main__':
    main()
