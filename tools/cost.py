"""What a run costs, before it is run: ``python tools/cost.py CONFIG [--gpus N] [--measure]``.

Parameters, memory and FLOPs by part and by task, of a training step and of an answer, and the time of the schedule.
The model is built without weights and run in shape alone, so this takes minutes and little memory at any size. The
pictures are stand-ins as large as the config lets through, with seven objects each; the language models' architectures
are their own, and nothing is downloaded for the paper's.
"""

import argparse

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from visionllm.apis import cost


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--gpus', type=int, default=1)
    parser.add_argument('--image-size', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'),
                        help='of the pictures (default: the largest that the config\'s Resize gives)')
    parser.add_argument('--peak-tflops', type=float, default=312,
                        help='of a GPU, in the precision of the training (default: an A100 in bfloat16)')
    parser.add_argument('--utilisation', type=float, default=0.4, help='the share of it that is reached')
    parser.add_argument('--measure', action='store_true',
                        help='take steps here, on the CPU and with random weights, and take its peak for a GPU\'s')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='override settings of the config: key=value, key="[a,b]", a.b.c=value')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope('mmdet')
    size = tuple(args.image_size or cost.largest_picture(cfg))
    found = cost.cost_of(cfg, size)
    measured = cost.measure(cfg, size) if args.measure else {}
    peak = cost.multiplying_speed(torch.bfloat16) if args.measure else 1e12 * args.peak_tflops
    print(f'{args.config}, pictures of {size[0]} x {size[1]}\n')
    print(cost.parts_table(found), end='\n\n')
    print(cost.tasks_table(found, args.utilisation * peak, measured), end='\n\n')
    print(cost.schedule(found, args.utilisation * peak, args.gpus), f'At {args.utilisation:.0%} of {peak / 1e12:g} '
          f'TFLOP/s.')


if __name__ == '__main__':
    main()
