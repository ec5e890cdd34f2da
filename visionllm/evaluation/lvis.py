"""LVIS AP, which evaluates each image on its annotated classes only (federated annotations)."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from mmdet.registry import METRICS

from .coco import InstructionCocoMetric

MAX_PER_IMG = 300
METRIC_NAMES = dict(AP_all='AP', AP_50='AP50', AP_75='AP75', AP_small='APs', AP_medium='APm', AP_large='APl',
                    APr='APr', APc='APc', APf='APf')


@METRICS.register_module()
class FederatedMetric(InstructionCocoMetric):
    """LVIS AP in percent.

    The metrics are ``AP``, ``AP50``, ``AP75``; by object size ``APs``, ``APm``, ``APl``; and of rare, common and
    frequent classes ``APr``, ``APc``, ``APf``. A metric without objects is omitted.

    A detection is evaluated if its class is annotated in the image (it has objects there or is in
    ``neg_category_ids``); a false positive is ignored if the class is in ``not_exhaustive_category_ids``. The
    ``MAX_PER_IMG`` top-scoring detections of an image are evaluated, over all classes. MMDetection's ``LVISMetric``
    computes the same, but requires lvis-api, whose release 0.5.3 fails with NumPy 1.24 and later.

    Args:
        ann_file: Annotation file in LVIS format; labels are indices into its categories sorted by id.
        metric: ``bbox``, ``segm``, or a list of both.
        outfile_prefix: Keep the detections in ``PREFIX.bbox.json`` (``PREFIX.segm.json``), as COCO result files.
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.
    """

    default_prefix = 'lvis'

    def __init__(self, ann_file: str, metric: str | Sequence[str] = 'bbox', outfile_prefix: str | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(ann_file, [metric] if isinstance(metric, str) else list(metric),
                         outfile_prefix=outfile_prefix, collect_device=collect_device, prefix=prefix)
        self.cat_ids = sorted(self._coco_api.cats)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all images."""
        detections = [top_k_detections(predicted) for _, predicted in results]
        with tempfile.TemporaryDirectory() as folder:
            files = self.results2json(detections, self.outfile_prefix or str(Path(folder) / 'detections'))
            metrics = {f'{iou_type}_{name}': value for iou_type in self.metrics
                       for name, value in self._evaluate(files[iou_type], iou_type).items()}
        return metrics

    def _evaluate(self, file: str, iou_type: str) -> dict[str, float]:
        truth = COCO(self._coco_api.dataset)
        results = truth.loadRes(file)
        evaluation = COCOeval_faster(truth, results, iouType=iou_type, lvis_style=True, print_function=print)
        evaluation.params.maxDets = [MAX_PER_IMG]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        stats = evaluation.stats_as_dict
        return {name: 100 * stats[key] for key, name in METRIC_NAMES.items() if stats[key] > -1}


def top_k_detections(detections: dict) -> dict:
    """Keep the ``MAX_PER_IMG`` top-scoring detections of an image.

    Args:
        detections: As ``CocoMetric`` collects them, with arrays of n detections: ``scores``, ``float[n]``, ``bboxes``,
            ``float[n, 4]``, ``labels``, ``int[n]``, and optionally ``masks``, a list of RLEs.
    """
    order = np.argsort(-detections['scores'], kind='stable')[:MAX_PER_IMG]
    kept = {key: value[order] for key, value in detections.items() if key in ('bboxes', 'scores', 'labels')}
    if 'masks' in detections:
        kept['masks'] = [detections['masks'][index] for index in order]
    return detections | kept
