"""COCO AP by MMDetection, of annotation files that are read strictly."""

from collections.abc import Sequence

from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmdet.structures.mask import PolygonMasks

from visionllm.annotations import CheckedCOCO
from visionllm.errors import ConfigError
from visionllm.structures.polygons import polygon_masks_to_rles


@METRICS.register_module()
class InstructionCocoMetric(CocoMetric):
    """``CocoMetric`` of a file that ``read_coco_file`` has checked, as ``InstructionCocoDataset`` reads it.

    Args:
        ann_file: Annotation file.
        *args, **kwargs: The other arguments of ``CocoMetric``.

    Raises:
        AnnotationError: The file has a fault.
        ConfigError: ``proposal_nums`` are not three, or do not hold 100.
    """

    def __init__(self, ann_file: str, *args: object, **kwargs: object):
        super().__init__(None, *args, **kwargs)
        if len(self.proposal_nums) != 3 or 100 not in self.proposal_nums:
            raise ConfigError(f'proposal_nums of InstructionCocoMetric are {self.proposal_nums}. COCO\'s AP is that of '
                              '100 detections, so there must be three numbers, 100 among them; else it would be -1.')
        self._coco_api = CheckedCOCO(ann_file)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """As in ``CocoMetric``, with masks that are polygons."""
        for sample in data_samples:
            predicted = sample['pred_instances']
            if isinstance(predicted.get('masks'), PolygonMasks):
                predicted['masks'] = polygon_masks_to_rles(predicted['masks'])
        super().process(data_batch, data_samples)
