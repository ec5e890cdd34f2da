"""A plot of losses and validation metrics over steps."""

import json
from pathlib import Path

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class LossCurve(Hook):
    """Draw ``curves.png`` into the work dir after training, from its ``scalars.json``."""

    priority = 'LOWEST'

    def after_train(self, runner: Runner) -> None:
        records = read_scalars(Path(runner.work_dir))
        if runner.rank == 0 and records:
            draw_curves(records, Path(runner.work_dir) / 'curves.png')


def read_scalars(work_dir: Path) -> list[dict]:
    """mmengine's scalars of the latest run, and of the runs that it resumed, up to the step where it did."""
    records = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        run = [record for line in path.read_text(errors='replace').splitlines() if (record := _read_line(line))]
        records = [r for r in run if not records or r['step'] < records[0]['step']] + records
    return records


def _read_line(line: str) -> dict | None:
    """A line of scalars; None for one that was cut when the run was killed."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and 'step' in record else None


def draw_curves(records: list[dict], target: Path) -> None:
    """Plot losses (left) and validation metrics (right).

    Args:
        records: mmengine's scalars, one dictionary a logged step.
        target: PNG file.
    """
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    losses = [r for r in records if 'loss' in r]
    for name in sorted({k for r in losses for k in r if k.startswith('loss')}):
        left.plot([r['step'] for r in losses if name in r], [r[name] for r in losses if name in r], label=name)
    left.set(xlabel='step', yscale='log', title='training')
    left.legend(fontsize=7)
    tests = [r for r in records if any('mAP' in k for k in r)]
    for name in ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/bbox_mAP_75'):
        right.plot([r['step'] for r in tests], [r.get(name, 0.0) for r in tests], 'o-', label=name)
    right.set(xlabel='step', title='validation')
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    pyplot.close(figure)
