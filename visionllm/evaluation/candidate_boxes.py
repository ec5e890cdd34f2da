"""Accuracy of boxes that are chosen among candidates by the likelihood of a name."""

from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter

import torch
from mmdet.registry import METRICS
from mmdet.structures.bbox import bbox_overlaps
from mmengine.evaluator import BaseMetric

from visionllm.errors import ConfigError


@METRICS.register_module()
class CandidateBoxMetric(BaseMetric):
    """``accuracy_KIND``: percentage of questions whose answer has an IoU of 0.5 or more with the asked box.

    The answer is the candidate in which the asked name is most likely. ``chance_KIND`` is what a random candidate would
    have. Reads of each sample, a candidate of an ``episode``: ``candidate`` and ``asked_box`` (x, y, width, height),
    ``answer``, ``choices`` and their ``choice_log_probs`` of ``ChoiceScoring``, and ``kind``.

    Args:
        iou_thr: Minimum IoU of a correct box.
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.

    Raises:
        ConfigError: There is no sample, or one without ``choice_log_probs``.
    """

    default_prefix = 'box'

    def __init__(self, iou_thr: float = 0.5, collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.iou_thr = iou_thr

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep of each question whether its answer is right, and the share of candidates that are. All candidates of a
        question are in one batch: an evaluator keeps one result for each item of the dataset."""
        questions = defaultdict(list)
        for sample in data_samples:
            if 'choice_log_probs' not in sample:
                raise ConfigError(f'Image {sample.get("img_id")} has no choice_log_probs: add choices=dict('
                                  'type=\'ChoiceScoring\') to default_hooks.')
            score = sample['choice_log_probs'][sample['choices'].index(sample['answer'])]
            questions[sample['kind'], sample['episode']].append((score, self._is_right(sample)))
        for (kind, _), candidates in questions.items():
            _, answer_is_right = max(candidates, key=itemgetter(0))
            self.results.append((kind, answer_is_right, sum(right for _, right in candidates) / len(candidates)))

    def _is_right(self, sample: dict) -> bool:
        boxes = torch.tensor([sample['candidate'], sample['asked_box']])
        boxes[:, 2:] += boxes[:, :2]
        return bool(bbox_overlaps(boxes[:1], boxes[1:]) >= self.iou_thr)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all questions."""
        if not results:
            raise ConfigError('There is no box to evaluate.')
        metrics = defaultdict(list)
        for kind, right, chance in results:
            metrics[f'accuracy_{kind}'].append(right)
            metrics[f'chance_{kind}'].append(chance)
        return {name: 100 * sum(values) / len(values) for name, values in sorted(metrics.items())}
