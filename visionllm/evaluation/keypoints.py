"""COCO keypoint AP: are the points that have names where they should be?"""

from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

from visionllm.language import parse_instruction

# how far people put COCO's 17 points of a person from one another, in roots of the object's area
PERSON_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
                 0.087, 0.089, 0.089)
FIGURES = ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR')  # the first of COCO's, in its order


@METRICS.register_module()
class KeypointMetric(BaseMetric):
    """COCO's keypoint evaluation (object keypoint similarity), in percent.

    Reads ``pred_instances`` of each sample: ``keypoints`` in pixels of the original picture, in the order in which its
    ``instruction`` names them, ``scores`` and ``labels``; and its ``text``, the names of the labels. Objects of which
    no point is labelled count neither way, as in COCO.

    Args:
        ann_file: COCO keypoint file.
        sigmas: One a point, in the file's order, or one for all; COCO's of a person by default.
        collect_device: Where results of several processes meet, ``cpu`` or ``gpu``.
        prefix: Put before the names of the figures.

    Raises:
        ValueError: There are not as many sigmas as points; an instruction asks for other points than the file has; or
            there is no sample.
    """

    default_prefix = 'keypoints'

    def __init__(self, ann_file: str, sigmas: float | Sequence[float] = PERSON_SIGMAS, collect_device: str = 'cpu',
                 prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.ann_file, self._sigmas = ann_file, sigmas
        self.truth = None  # read when the first sample comes: a dataset may yet have to write it

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep a batch's answers, in COCO's form."""
        self._read()
        for sample in data_samples:
            asked = parse_instruction(sample['instruction']).output_format.point_names
            if sorted(asked) != sorted(self.names):
                raise ValueError(f'Picture {sample["img_id"]} was asked for {", ".join(asked) or "no named points"}, '
                                 f'and {self.ann_file} has {", ".join(self.names)}. Ask for all of these, in any '
                                 'order.')
            order = [asked.index(name) for name in self.names]
            found = sample['pred_instances']
            ids = [self.ids[sample['text'][label]] for label in found['labels'].tolist()]
            points = found['keypoints'][:, order].float().cpu().numpy()
            self.results.append((sample['img_id'], [
                dict(image_id=sample['img_id'], category_id=category, score=score, keypoints=flat(places))
                for category, score, places in zip(ids, found['scores'].tolist(), points)]))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all pictures."""
        if not results:
            raise ValueError('There is no picture to evaluate.')
        records = [record for _, found in results for record in found]
        if not records:
            return dict.fromkeys(FIGURES, 0.0)
        return keypoint_ap(self.truth, records, self.sigmas, [image for image, _ in results])

    def _read(self) -> None:
        if self.truth is not None:
            return
        self.truth = COCO(self.ann_file)
        categories = self.truth.dataset['categories']
        self.ids = {category['name']: category['id'] for category in categories}
        self.names = [name.replace('_', ' ') for name in categories[0]['keypoints']]
        self.sigmas = np.broadcast_to(self._sigmas, len(self.names)) if np.isscalar(self._sigmas) else self._sigmas
        if len(self.sigmas) != len(self.names):
            raise ValueError(f'{self.ann_file} has {len(self.names)} points and there are {len(self.sigmas)} sigmas. '
                             'Set sigmas of KeypointMetric: one a point, or one number for all.')


def keypoint_ap(truth: COCO, records: list[dict], sigmas: Sequence[float], image_ids: list[int]) -> dict[str, float]:
    """COCO's figures, in percent; -1 for a size of which there is no object.

    Args:
        truth: Keypoint file.
        records: Result records: image_id, category_id, score, and keypoints ``[x, y, v, ...]``.
        sigmas: One a point.
        image_ids: Pictures to evaluate.
    """
    evaluation = COCOeval_faster(truth, truth.loadRes(records), iouType='keypoints', kpt_oks_sigmas=list(sigmas))
    evaluation.params.imgIds = image_ids
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: 100 * float(value) if value >= 0 else -1.0 for name, value in zip(FIGURES, evaluation.stats)}


def flat(points: np.ndarray) -> list[float]:
    """Points ``float[K, 2]`` as COCO writes them; v counts for nothing in answers."""
    return np.concatenate([points, np.ones_like(points[:, :1])], 1).astype(float).ravel().tolist()
