"""Train the model of a config.

    visionllm train configs/visionllm/visionllm_ssd-mobilenet-v2_finetune.py --work-dir work_dirs/own
    visionllm train CONFIG --resume
"""

import argparse
import os
from pathlib import Path

from .common import UsageError, add_config, add_launcher, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/CONFIG)')
    parser.add_argument('--resume', nargs='?', const='auto',
                        help='resume from this checkpoint, or from the latest one in the work dir')
    parser.add_argument('--amp', action='store_true', help='train in bfloat16 mixed precision')
    add_launcher(parser)


def run(args: argparse.Namespace) -> None:
    """Train."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    if args.amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    if args.resume is not None:
        if args.resume != 'auto' and not Path(args.resume).is_file():
            raise UsageError(f'There is no checkpoint {args.resume} to resume from. --resume alone takes the last '
                             f'one of {cfg.work_dir}.')
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume

    from visionllm.engine import StrictRunner
    StrictRunner.from_cfg(cfg).train()

