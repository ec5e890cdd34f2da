"""Run benchmarks of time and memory: ``visionllm benchmark [SUITE ...] [--out docs/benchmark.json]``.

decoding   100 tuples after a prefix of 300 tokens, in several ways; ``some`` are ten tuples
roofline   the same, over the time of its matrix products, and of reading the weights once per pass
detector   an R50 model on an image of 480 x 640 with 80 classes, and MMDetection's Deformable DETR R50
vocabulary the same model with four groups of 80 names, together and one by one
training   a step of 16 images with one instruction, or a phrase each; polygons and boxes
deformable deformable attention at four levels of an image of 800 x 1333, and mmcv's in PyTorch; on a GPU, where ours is
           a Triton kernel, also ours in PyTorch (targets: 3 times as fast forward, 2 backward)
photographs  the shipped model for photographs with 80 names, its detector alone, 100 files one by one and in batches,
           the command to its first answer; OWLv2 base, Grounding DINO tiny and Florence-2 base, random weights
coco_eval  COCO evaluation of 1,000 images x 100 detections, and pycocotools
loading    batches of training samples, and MMDetection's

The rows of a suite take turns; seconds are medians, and ratios are between rows. On a GPU:
``visionllm benchmark decoding roofline detector vocabulary deformable --device cuda [--llama-7b]``.
"""

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument('suites', nargs='*', metavar='SUITE', help='names of suites; all by default')
    parser.add_argument('--llm', default='wheel:smollm2-135m-instruct', help='hub id or folder of a causal LM')
    parser.add_argument('--text-encoder', default='wheel:all-minilm-l6-v2', help='hub id or folder of a BERT')
    parser.add_argument('--device', default='cpu', help='such as cuda; training, coco_eval and loading use the CPU')
    parser.add_argument('--llama-7b', action='store_true',
                        help='a language model of that size with random weights, and the tokenizer of --llm')
    parser.add_argument('--repeats', type=int, default=5, help='turns of each row (default: 5)')
    parser.add_argument('--out', type=Path, help='write the result here as JSON, and a chart next to it')


def check(args: argparse.Namespace, known: list[str]) -> None:
    """Check the names of suites and the device.

    Raises:
        ConfigError: One does not exist.
    """
    import torch

    from visionllm.errors import ConfigError
    if unknown := sorted(set(args.suites) - set(known)):
        raise ConfigError(f'There is no suite {", ".join(unknown)}; known are {", ".join(known)}.')
    if args.device != 'cpu' and not torch.cuda.is_available():
        raise ConfigError(f'There is no GPU for --device {args.device}; leave it out to use the CPU.')


def run(args: argparse.Namespace) -> None:
    """Time the suites."""
    import torch
    from mmengine.registry import init_default_scope

    from visionllm.apis.benchmarks import time_rows
    from visionllm.apis.benchmarks.suites import SUITES
    from visionllm.apis.charts import log_bars
    check(args, list(SUITES))
    init_default_scope('mmdet')
    torch.manual_seed(0)
    llm = 'LLaMA-7B, random weights' if args.llama_7b else args.llm
    result = dict(llm=llm, text_encoder=args.text_encoder, threads=torch.get_num_threads(), device=args.device,
                  seconds={}, ratios={})
    for name in args.suites or SUITES:
        suite = SUITES[name](args)
        seconds = time_rows(suite.rows, args.repeats)
        for kind, values in dict(seconds=seconds, ratios=suite.compare(seconds)).items():
            result[kind] |= values
            print(f'{name}, {kind}')
            print('\n'.join(f'  {row:46s}{value:9.4g}' for row, value in values.items()), flush=True)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1))
        log_bars(result['seconds'], 'seconds', args.out.with_suffix('.png'))

