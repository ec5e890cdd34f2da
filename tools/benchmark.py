"""What things cost, beside their peers: ``python tools/benchmark.py [SUITE ...] [--out docs/benchmark.json]``.

decoding   tuples behind a prefix of 300 tokens, in ways of ours and of others; ``some`` are ten of a hundred
floors     the same, over the time of their multiplications alone, and over that of reading the weights once a pass
detector   R50 and a language model on a picture of 480 x 640 with 80 classes, beside MMDetection's Deformable DETR R50
vocabulary the same detector on four groups of 80 names, together and one by one
training   a step of 16 pictures with one instruction, with a phrase each; outlines against boxes
deformable attention of a picture of 800 x 1333 at four scales to itself, beside mmcv's in torch; on a GPU by our
           kernels, beside our own in torch as well (bars: 3 times as fast forward, 2 backward)
judging    COCO evaluation of 1,000 pictures x 100 detections, beside pycocotools
loading    batches of training samples, beside MMDetection's

Seconds are medians of one run in which the rows of a suite take turns; ratios are between rows of it. On a GPU:
``python tools/benchmark.py decoding floors detector vocabulary deformable --device cuda [--llama-7b]``.
"""

import argparse
import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import torch
from mmengine.registry import init_default_scope

from visionllm.apis import benchmarks
from visionllm.apis.report import bars
from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS
from visionllm.models import CausalLM

R50 = 'configs/visionllm/visionllm_r50_32xb1-50e_stage1_coco.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
SCENES = 'data/scenes_tiny/'
PICTURES = 16


def training(args: argparse.Namespace) -> benchmarks.Suite:
    model = benchmarks.built(FIVE, args.llm, args.text_encoder)
    shared = [TASKS['detection'].order(SHAPES)] * PICTURES
    phrases = [TASKS['grounding'].order([f'small red {shape} left of the star'], wording)
               for wording, shape in zip(range(PICTURES), cycle(SHAPES))]
    return benchmarks.training_suite(benchmarks.HeadStep(model, shared), benchmarks.HeadStep(model, phrases, objects=1),
                                     benchmarks.TaskSteps(FIVE, model, SCENES))


def decoding(args: argparse.Namespace) -> benchmarks.Decoding:
    return benchmarks.Decoding(CausalLM(args.llm, lora_rank=0, random_config=size_of(args)).to(args.device).eval())


def detector(args: argparse.Namespace):
    return benchmarks.built(R50, args.llm, args.text_encoder, size_of(args)).to(args.device)


def size_of(args: argparse.Namespace) -> dict | None:
    return benchmarks.LLAMA_7B if args.llama_7b else None


SUITES: dict[str, Callable[[argparse.Namespace], benchmarks.Suite]] = dict(
    decoding=lambda args: benchmarks.decoding_suite(decoding(args)),
    floors=lambda args: benchmarks.floor_suite(decoding(args)),
    detector=lambda args: benchmarks.detector_suite(benchmarks.Detector(detector(args))),
    vocabulary=lambda args: benchmarks.vocabulary_suite(benchmarks.Detector(detector(args), names=LVIS_NAMES[:320])),
    training=training,
    deformable=lambda args: benchmarks.deformable_suite(benchmarks.Deformable(args.device)),
    judging=lambda args: benchmarks.judging_suite(benchmarks.Judging()),
    loading=lambda args: benchmarks.loading_suite(FIVE, SCENES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suites', nargs='*', metavar='SUITE', help='all if none is named')
    parser.add_argument('--llm', default='wheel:smollm2-135m-instruct', help='hub id or folder of a causal LM')
    parser.add_argument('--text-encoder', default='wheel:all-minilm-l6-v2', help='hub id or folder of a BERT')
    parser.add_argument('--device', default='cpu', help='such as cuda; training, judging and loading use the CPU')
    parser.add_argument('--llama-7b', action='store_true',
                        help='a language model of that size with random weights, and the tokenizer of --llm')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--out', type=Path, help='write the result here as JSON, and its chart beside it')
    args = parser.parse_args()
    if unknown := set(args.suites) - set(SUITES):
        parser.error(f'There is no suite {", ".join(sorted(unknown))}; there are {", ".join(SUITES)}.')
    if args.device != 'cpu' and not torch.cuda.is_available():
        parser.error(f'torch finds no GPU here, so --device {args.device} cannot be; leave it out for the CPU.')
    init_default_scope('mmdet')
    torch.manual_seed(0)
    llm = 'LLaMA-7B, random weights' if args.llama_7b else args.llm
    result = dict(llm=llm, text_encoder=args.text_encoder, threads=torch.get_num_threads(), device=args.device,
                  seconds={}, ratios={})
    for name in args.suites or SUITES:
        suite = SUITES[name](args)
        seconds = benchmarks.timed(suite.rows, args.repeats)
        found = dict(seconds=seconds, ratios=suite.compare(seconds))
        for kind, figures in found.items():
            result[kind] |= figures
            print(f'{name}, {kind}')
            print('\n'.join(f'  {row:46s}{value:9.4g}' for row, value in figures.items()), flush=True)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1))
        bars(result['seconds'], 'seconds', args.out.with_suffix('.png'))


if __name__ == '__main__':
    main()
