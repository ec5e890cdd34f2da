"""Measure a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--work-dir DIR] [--out FILE] [--show-dir DIR]``."""

import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction

from visionllm.engine import StrictRunner


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file (.pth or .safetensors)')
    parser.add_argument('--work-dir', help='folder for logs and metrics (default: work_dirs/CONFIG)')
    parser.add_argument('--out', help='write the predictions here, as COCO result files OUT.bbox.json')
    parser.add_argument('--show-dir', help='draw the predictions into this folder of the work dir')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings of the config')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    args = parse_args()
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    cfg.load_from = args.checkpoint
    cfg.custom_hooks = []  # those of training
    cfg.model.pop('init_cfg', None)  # everything that was trained is in the checkpoint
    if args.out:
        cfg.test_evaluator.outfile_prefix = args.out
    if args.show_dir:
        cfg.default_hooks.visualization.update(draw=True, test_out_dir=args.show_dir)
    StrictRunner.from_cfg(cfg).test()


if __name__ == '__main__':
    main()
