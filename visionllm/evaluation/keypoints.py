"""COCO keypoint AP."""

from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

from visionllm.annotations import CheckedCOCO
from visionllm.errors import ConfigError
from visionllm.language import parse_instruction

# COCO's constants of the object keypoint similarity for the 17 keypoints of a person, in units of sqrt(object area)
PERSON_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
                 0.087, 0.089, 0.089)
METRIC_NAMES = ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR')  # the first of COCOeval's stats, in their order


@METRICS.register_module()
class KeypointMetric(BaseMetric):
    """COCO's keypoint AP and AR (object keypoint similarity) in percent.

    Reads ``pred_instances`` of each sample: ``keypoints`` in pixels of the original image, in the order of the sample's
    ``instruction``, ``scores`` and ``labels``; and its ``text``, the class names of the labels. As in COCO, objects
    without a labelled keypoint are ignored.

    Args:
        ann_file: COCO keypoint file.
        sigmas: One per keypoint, in the order of the file, or one for all; COCO's of a person by default.
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.

    Raises:
        ConfigError: The number of sigmas differs from that of the keypoints, an instruction has other keypoints than
            the file, or there is no sample.
    """

    default_prefix = 'keypoints'

    def __init__(self, ann_file: str, sigmas: float | Sequence[float] = PERSON_SIGMAS, collect_device: str = 'cpu',
                 prefix: str | None = None):
        super().__init__(collect_device, prefix)
        self.ann_file, self._sigmas = ann_file, sigmas
        self.truth = None  # read with the first batch, since the dataset may have to write the file first

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Convert the predictions of a batch to COCO results."""
        self._read_ann_file()
        for sample in data_samples:
            names = parse_instruction(sample['instruction']).output_format.point_names
            if sorted(names) != sorted(self.names):
                raise ConfigError(f'The instruction of image {sample["img_id"]} has the keypoints '
                                  f'{", ".join(names) or "(none)"}, and {self.ann_file} has {", ".join(self.names)}. '
                                  'Ask for all of these, in any order.')
            order = [names.index(name) for name in self.names]
            predicted = sample['pred_instances']
            category_ids = [self.ids[sample['text'][label]] for label in predicted['labels'].tolist()]
            keypoints = predicted['keypoints'][:, order].float().cpu().numpy()
            self.results.append((sample['img_id'], [
                dict(image_id=sample['img_id'], category_id=category_id, score=score,
                     keypoints=flatten_keypoints(points))
                for category_id, score, points in zip(category_ids, predicted['scores'].tolist(), keypoints)]))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all images."""
        if not results:
            raise ConfigError('There is no image to evaluate.')
        records = [record for _, of_image in results for record in of_image]
        if not records:
            return dict.fromkeys(METRIC_NAMES, 0.0)
        return keypoint_ap(self.truth, records, self.sigmas, [img_id for img_id, _ in results])

    def _read_ann_file(self) -> None:
        if self.truth is not None:
            return
        self.truth = COCO(CheckedCOCO(self.ann_file).dataset)
        categories = self.truth.dataset['categories']
        self.ids = {category['name']: category['id'] for category in categories}
        self.names = [name.replace('_', ' ') for name in categories[0]['keypoints']]
        self.sigmas = np.broadcast_to(self._sigmas, len(self.names)) if np.isscalar(self._sigmas) else self._sigmas
        if len(self.sigmas) != len(self.names):
            raise ConfigError(f'{self.ann_file} has {len(self.names)} keypoints and there are {len(self.sigmas)} '
                              'sigmas. Set sigmas of KeypointMetric: one per keypoint, or one number for all.')


def keypoint_ap(truth: COCO, records: list[dict], sigmas: Sequence[float], image_ids: list[int]) -> dict[str, float]:
    """COCO's keypoint metrics (``METRIC_NAMES``) in percent; -1 for an object size without objects.

    Args:
        truth: Keypoint file.
        records: Result records: image_id, category_id, score, and keypoints ``[x, y, v, ...]``.
        sigmas: One per keypoint.
        image_ids: Images to evaluate.
    """
    evaluation = COCOeval_faster(truth, truth.loadRes(records), iouType='keypoints', kpt_oks_sigmas=list(sigmas))
    evaluation.params.imgIds = image_ids
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: 100 * float(value) if value >= 0 else -1.0 for name, value in zip(METRIC_NAMES, evaluation.stats)}


def flatten_keypoints(points: np.ndarray) -> list[float]:
    """Keypoints ``float[K, 2]`` as COCO's ``[x, y, v, ...]``; v is 1, since COCO ignores it in results."""
    return np.concatenate([points, np.ones_like(points[:, :1])], 1).astype(float).ravel().tolist()
