"""Evaluate a checkpoint on the test set of its config.

    visionllm test configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py visionllm://photo --show-dir drawings
    visionllm test CONFIG CHECKPOINT --tasks detection --report report

A report is one HTML file: what kinds of mistakes there are and what they cost, with pictures; confusion of classes;
curves; calibration; and a threshold for each class, for visionllm predict --threshold report/thresholds.json.
"""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .common import UsageError, add_config, add_launcher, load_config

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.evaluator import Evaluator

WRITING_METRICS = ('InstructionCocoMetric', 'FederatedMetric', 'CocoMetric')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser, checkpoint=True)
    parser.add_argument('--work-dir', help='folder for logs and metrics (default: work_dirs/CONFIG)')
    parser.add_argument('--out', help='write the predictions as COCO result files OUT.bbox.json, or OUT.TASK.bbox.json')
    parser.add_argument('--show-dir', help='draw the predictions into this folder of the work dir')
    parser.add_argument('--tasks', nargs='+', metavar='TASK', help='only these tasks of a test set of several')
    parser.add_argument('--report', metavar='DIR', help='write report.html, metrics.json and thresholds.json of '
                                                        'detection and segmentation into this folder')
    add_launcher(parser)


def write_results(evaluator: 'Evaluator', out: str) -> None:
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


def select_tasks(cfg: 'Config', tasks: list[str]) -> None:
    """Leave the other tasks of a config's test set out.

    Raises:
        UsageError: There is no such task.
    """
    from visionllm.apis.tested_sets import tasks_of
    metrics, present = cfg.test_evaluator.get('metrics', {}), tasks_of(cfg)
    unknown = sorted(set(tasks) - set(metrics))
    if unknown:
        raise UsageError(f'--tasks names {", ".join(unknown)}; the test set of the config has '
                         f'{", ".join(metrics) or "one task alone"}.')
    dataset = cfg.test_dataloader.dataset
    dataset.datasets = [member for member, task in zip(dataset.datasets, present) if task in tasks]
    cfg.test_evaluator.metrics = {task: metric for task, metric in metrics.items() if task in tasks}


def check_report(evaluator: 'Evaluator') -> None:
    """Check that something can be reported, before time is spent on the test.

    Raises:
        UsageError: No metric of the config is of detections, or a package is not installed.
    """
    if find_spec('supervision') is None:
        raise UsageError('--report needs the package supervision: pip install supervision.')
    from visionllm.apis.tested_sets import REPORTED_METRICS, reported_metrics
    if not reported_metrics(evaluator):
        raise UsageError(f'--report is of {" or ".join(REPORTED_METRICS)} with an ann_file; the config has none.')


def run(args: argparse.Namespace) -> None:
    """Evaluate."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    cfg.load_from = args.checkpoint
    cfg.custom_hooks = []  # those of training
    cfg.model.pop('init_cfg', None)  # everything that was trained is in the checkpoint
    if args.tasks:
        select_tasks(cfg, args.tasks)
    if args.report:
        check_report(cfg.test_evaluator)
    prefix = args.out or args.report and str(Path(args.report) / 'predictions')
    if prefix:
        write_results(cfg.test_evaluator, prefix)
    if args.show_dir:
        cfg.default_hooks.visualization = dict(type='DrawPredictions', test_out_dir=args.show_dir)

    from mmengine.dist import is_main_process

    from visionllm.engine import StrictRunner
    from visionllm.engine.prediction_timer import PredictionTimer
    runner, timer = StrictRunner.from_cfg(cfg), PredictionTimer()
    runner.register_hook(timer)
    runner.test()
    if args.report and is_main_process():
        from visionllm.apis.report import write_report
        from visionllm.apis.tested_sets import read_tested_sets
        sets = read_tested_sets(cfg, runner.test_dataloader.dataset, prefix, timer.seconds)
        print(write_report(args.report, f'{Path(args.config).stem}, {args.checkpoint}', sets))
