"""LVIS's average precision: of classes that each picture was searched for, also by how rare they are."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS

MAX_PER_IMG = 300
FIGURES = dict(AP_all='AP', AP_50='AP50', AP_75='AP75', AP_small='APs', AP_medium='APm', AP_large='APl', APr='APr',
               APc='APc', APf='APf')


@METRICS.register_module()
class FederatedMetric(CocoMetric):
    """``AP``, ``AP50``, ``AP75``, by size ``APs``, ``APm``, ``APl``, and of rare, common and frequent classes ``APr``,
    ``APc``, ``APf``, in percent; a figure of no object is left out.

    An answer counts where its class was searched for in the picture (``neg_category_ids``, or it has objects there);
    a wrong one does not where not all of its objects are marked (``not_exhaustive_category_ids``). The best 300
    answers of a picture are judged, of all classes together. ``LVISMetric`` of MMDetection computes the same, but
    needs lvis-api, whose release (0.5.3) fails with NumPy 1.24 and later.

    Args:
        ann_file: In LVIS's format; labels count its categories in the order of their ids.
        metric: ``bbox``, ``segm``, or a list of both.
        outfile_prefix: The answers are left in ``PREFIX.bbox.json`` (``PREFIX.segm.json``), as COCO result files.
        collect_device: Where results of several processes meet, ``cpu`` or ``gpu``.
        prefix: Put before the names of the figures.
    """

    default_prefix = 'lvis'

    def __init__(self, ann_file: str, metric: str | Sequence[str] = 'bbox', outfile_prefix: str | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None):
        super().__init__(ann_file, [metric] if isinstance(metric, str) else list(metric),
                         outfile_prefix=outfile_prefix, collect_device=collect_device, prefix=prefix)
        self.cat_ids = sorted(self._coco_api.cats)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all pictures."""
        answers = [best(answer) for _, answer in results]
        with tempfile.TemporaryDirectory() as folder:
            files = self.results2json(answers, self.outfile_prefix or str(Path(folder) / 'answers'))
            figures = {f'{of}_{name}': value for of in self.metrics
                       for name, value in self._figures(files[of], of).items()}
        return figures

    def _figures(self, file: str, of: str) -> dict[str, float]:
        truth = COCO(self._coco_api.dataset)
        evaluation = COCOeval_faster(truth, truth.loadRes(file), iouType=of, lvis_style=True, print_function=print)
        evaluation.params.maxDets = [MAX_PER_IMG]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        found = evaluation.stats_as_dict
        return {name: 100 * found[theirs] for theirs, name in FIGURES.items() if found[theirs] > -1}


def best(answer: dict) -> dict:
    """The ``MAX_PER_IMG`` surest of a picture's answers."""
    order = np.argsort(-answer['scores'], kind='stable')[:MAX_PER_IMG]
    kept = {key: value[order] for key, value in answer.items() if key in ('bboxes', 'scores', 'labels')}
    if 'masks' in answer:
        kept['masks'] = [answer['masks'][place] for place in order]
    return answer | kept
