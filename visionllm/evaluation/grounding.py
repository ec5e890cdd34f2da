"""Does an expression find its object?"""

from collections.abc import Sequence

import torch
from mmdet.registry import METRICS
from mmdet.structures.bbox import bbox_overlaps, get_box_tensor
from mmengine.evaluator import BaseMetric
from torch import Tensor


@METRICS.register_module()
class GroundingMetric(BaseMetric):
    """``P@0.5``: how many expressions, in percent, have their object under the best-scored box.

    Expressions that need a relation ("the star left of the circle"; the sample's ``relation`` is true) are also
    counted on their own, ``P@0.5_relation``. Those that nothing in the picture fits (no ground truth box) are no part
    of either: ``none_right`` is how many of them, in percent, have no box of ``score_thr`` or more. A figure of no
    expression is left out.

    Reads ``pred_instances`` and ``gt_instances`` of each sample, boxes xyxy. As MMDetection's metrics do, it expects
    both in pixels of the original picture: a test pipeline loads annotations *after* ``Resize``.

    Args:
        score_thr: A box with a lower score says "nothing fits".
        iou_thr: Overlap of a right box; the figures' names follow it.
        collect_device: Where results of several processes meet, ``cpu`` or ``gpu``.
        prefix: Put before the names of the figures.

    Raises:
        ValueError: An expression has several objects, or there is no sample.
    """

    default_prefix = 'grounding'

    def __init__(self, score_thr: float = 0.3, iou_thr: float = 0.5,
                 collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Judge a batch: which group a sample counts in (``none`` if nothing fits), and whether its answer is right."""
        for sample in data_samples:
            truth = get_box_tensor(sample['gt_instances']['bboxes']).float().cpu()
            score, box = best_box(sample['pred_instances'])
            if len(truth) > 1:
                raise ValueError(f'Picture {sample.get("img_id")} has {len(truth)} ground truth boxes for '
                                 f'{sample.get("expression")!r}; an expression must mean one object, or none.')
            if len(truth) == 0:
                self.results.append(('none', score < self.score_thr))
                continue
            right = bool((bbox_overlaps(box, truth) >= self.iou_thr).any())
            self.results.append(('relation' if sample.get('relation') else 'plain', right))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all expressions."""
        if not results:
            raise ValueError('There is no expression to evaluate.')
        groups = {
            f'P@{self.iou_thr}': ('plain', 'relation'),
            f'P@{self.iou_thr}_relation': ('relation', ),
            'none_right': ('none', ),
        }
        found = {name: [right for group, right in results if group in members] for name, members in groups.items()}
        return {name: 100 * sum(rights) / len(rights) for name, rights in found.items() if rights}


def best_box(instances: dict) -> tuple[float, Tensor]:
    """Score and box ``float[1, 4]`` of the best-scored instance; 0 and no box ``float[0, 4]`` if there is none."""
    scores, boxes = instances['scores'].cpu(), get_box_tensor(instances['bboxes']).float().cpu()
    if len(scores) == 0:
        return 0.0, torch.zeros(0, 4)
    best = int(scores.argmax())
    return float(scores[best]), boxes[best:best + 1]
