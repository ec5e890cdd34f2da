"""Evaluate a checkpoint on the test set of its config.

    visionllm test configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py visionllm://photo --show-dir drawings
"""

import argparse
import os
from pathlib import Path

from .common import UsageError, add_config, add_launcher, load_config

WRITING_METRICS = ('InstructionCocoMetric', 'FederatedMetric', 'CocoMetric')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser, checkpoint=True)
    parser.add_argument('--work-dir', help='folder for logs and metrics (default: work_dirs/CONFIG)')
    parser.add_argument('--out', help='write the predictions as COCO result files OUT.bbox.json, or OUT.TASK.bbox.json')
    parser.add_argument('--show-dir', help='draw the predictions into this folder of the work dir')
    add_launcher(parser)


def write_results(evaluator, out: str) -> None:
    """Let an evaluator write COCO result files; of several tasks those with boxes, each under its name.

    Raises:
        UsageError: No metric of the config writes result files.
    """
    tasks = evaluator.get('metrics')
    metrics = {out: evaluator} if tasks is None else {f'{out}.{task}': metric for task, metric in tasks.items()}
    writing = {prefix: metric for prefix, metric in metrics.items() if metric.type in WRITING_METRICS}
    if not writing:
        raise UsageError(f'--out writes COCO result files, of {" or ".join(WRITING_METRICS)}; the config has none.')
    for prefix, metric in writing.items():
        metric.outfile_prefix = prefix


def run(args: argparse.Namespace) -> None:
    """Evaluate."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    cfg.load_from = args.checkpoint
    cfg.custom_hooks = []  # those of training
    cfg.model.pop('init_cfg', None)  # everything that was trained is in the checkpoint
    if args.out:
        write_results(cfg.test_evaluator, args.out)
    if args.show_dir:
        cfg.default_hooks.visualization = dict(type='DrawPredictions', test_out_dir=args.show_dir)

    from visionllm.engine import StrictRunner
    StrictRunner.from_cfg(cfg).test()

