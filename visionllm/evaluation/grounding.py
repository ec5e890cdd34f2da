"""Accuracy of referring expression comprehension."""

from collections.abc import Sequence

import torch
from mmdet.registry import METRICS
from mmdet.structures.bbox import bbox_overlaps, get_box_tensor
from mmengine.evaluator import BaseMetric
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.thresholds import SCORE_THRESHOLD


@METRICS.register_module()
class GroundingMetric(BaseMetric):
    """``P@0.5``: percentage of expressions whose top-scoring box has IoU 0.5 or more with the object.

    ``P@0.5_relation`` is the same for expressions with a relation to another object ("the star left of the circle";
    the sample's ``relation`` is true). Expressions without a matching object (no ground truth box) do not count in
    either: ``none_right`` is the percentage of them without a box of ``score_thr`` or more. A metric without any
    expression is omitted.

    Reads ``pred_instances`` and ``gt_instances`` of each sample, with boxes xyxy. As in MMDetection's metrics, both are
    in pixels of the original image: a test pipeline loads annotations *after* ``Resize``.

    Args:
        score_thr: Minimum score of a box; without one, the prediction is that no object matches.
        iou_thr: Minimum IoU of a correct box; part of the metric names.
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.

    Raises:
        ConfigError: An expression has several objects, or there is no sample.
    """

    default_prefix = 'grounding'

    def __init__(self, score_thr: float = SCORE_THRESHOLD, iou_thr: float = 0.5,
                 collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Evaluate a batch: the group of each sample (``none`` without an object), and whether it is correct."""
        for sample in data_samples:
            truth = get_box_tensor(sample['gt_instances']['bboxes']).float().cpu()
            score, box = best_box(sample['pred_instances'])
            if len(truth) > 1:
                raise ConfigError(f'Image {sample.get("img_id")} has {len(truth)} ground truth boxes for '
                                  f'{sample.get("expression")!r}; an expression must refer to one object, or none.')
            if len(truth) == 0:
                self.results.append(('none', score < self.score_thr))
                continue
            correct = bool((bbox_overlaps(box, truth) >= self.iou_thr).any())
            self.results.append(('relation' if sample.get('relation') else 'plain', correct))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all expressions."""
        if not results:
            raise ConfigError('There is no expression to evaluate.')
        groups = {
            f'P@{self.iou_thr}': ('plain', 'relation'),
            f'P@{self.iou_thr}_relation': ('relation', ),
            'none_right': ('none', ),
        }
        values = {name: [correct for group, correct in results if group in members]
                  for name, members in groups.items()}
        return {name: 100 * sum(correct) / len(correct) for name, correct in values.items() if correct}


def best_box(instances: dict) -> tuple[float, Tensor]:
    """Score and box of the top-scoring instance.

    Args:
        instances: ``scores``, ``float[n]``, and ``bboxes``, ``float[n, 4]``, of n instances.

    Returns:
        The score, and the box ``float[1, 4]``; 0 and ``float[0, 4]`` if there is no instance.
    """
    scores, boxes = instances['scores'].cpu(), get_box_tensor(instances['bboxes']).float().cpu()
    if len(scores) == 0:
        return 0.0, torch.zeros(0, 4)
    best = int(scores.argmax())
    return float(scores[best]), boxes[best:best + 1]
