"""Estimate the cost of a training run: ``visionllm cost CONFIG [--gpus N] [--measure]``.

Prints parameters, memory and FLOPs by part and by task, of a training step and of an inference, and the time of the
schedule. The model is built without weights and run on the meta device, so this takes minutes and little memory for
models of any size. Images are dummies of the largest size that the config gives, with seven objects each. Nothing is
downloaded for the language models of the paper.

Of a model on a published detector, a few steps of each stage are run on its data, and their time is printed.
"""

import argparse

from .common import add_config, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)
    parser.add_argument('--gpus', type=int, default=1, help='number of GPUs (default: 1)')
    parser.add_argument('--image-size', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'),
                        help='of the images (default: the largest that the config\'s Resize gives)')
    parser.add_argument('--peak-tflops', type=float, default=312,
                        help='of a GPU, in the precision of training (default: 312, an A100 in bfloat16)')
    parser.add_argument('--utilisation', type=float, default=0.4,
                        help='share of the peak that is reached (default: 0.4)')
    parser.add_argument('--measure', action='store_true',
                        help='also run steps on this CPU with random weights, and estimate times for its peak')


def run(args: argparse.Namespace) -> None:
    """Estimate."""
    cfg = load_config(args)

    import torch
    from mmengine.registry import init_default_scope

    from visionllm.apis import cost
    from visionllm.apis.cost.schedule_time import measure_schedule, schedule_table
    init_default_scope('mmdet')
    if cost.has_published_detector(cfg):
        print(f'{args.config}, measured on this machine: a published detector may be run by another library, where '
              'operations cannot be counted\n')
        print(schedule_table(measure_schedule(cfg)))
        return
    size = tuple(args.image_size or cost.largest_image_size(cfg))
    estimate = cost.estimate_cost(cfg, size)
    measured = cost.measure_steps(cfg, size) if args.measure else {}
    peak = cost.matmul_flops_per_second(torch.bfloat16) if args.measure else 1e12 * args.peak_tflops
    print(f'{args.config}, images of {size[0]} x {size[1]}\n')
    print(cost.parts_table(estimate), end='\n\n')
    print(cost.tasks_table(estimate, args.utilisation * peak, measured), end='\n\n')
    print(cost.schedule(estimate, args.utilisation * peak, args.gpus), f'At {args.utilisation:.0%} of {peak / 1e12:g} '
          f'TFLOP/s.')

