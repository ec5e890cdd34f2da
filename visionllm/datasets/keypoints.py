"""COCO keypoint files, and the transform that loads their keypoints.

Dimensions: G objects, K keypoints.
"""

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import DATASETS, TRANSFORMS

from visionllm.annotations import AnnotationError

from .coco import InstructionCocoDataset
from .sides import mirrored_name


@DATASETS.register_module()
class KeypointCocoDataset(InstructionCocoDataset):
    """``InstructionCocoDataset`` of a COCO keypoint file.

    Samples carry ``point_names``, the names of the keypoints with spaces for underscores ("left eye"), and each
    instance its ``keypoints``: ``[x, y, v, ...]`` in pixels, with COCO's visibility v (0 not labelled, 1 labelled but
    occluded, 2 visible).

    Args:
        *args, **kwargs: As in ``InstructionCocoDataset``.

    Raises:
        AnnotationError: The categories in use have no or different lists of keypoints.
    """

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``InstructionCocoDataset``, with the keypoints of all instances that are kept."""
        info = super().parse_data_info({**raw_data_info, 'raw_ann_info': []})
        info['point_names'] = self._point_names()
        for ann in raw_data_info['raw_ann_info']:
            # one annotation at a time, since the base class skips some without saying which
            parsed = super().parse_data_info({**raw_data_info, 'raw_ann_info': [ann]})
            for instance in parsed['instances']:
                instance['keypoints'] = ann['keypoints']
                info['instances'].append(instance)
        return info

    def _point_names(self) -> tuple[str, ...]:
        lists = {tuple(self.coco.cats[i].get('keypoints', ())) for i in self.cat_ids}
        if len(lists) > 1 or () in lists:
            raise AnnotationError(f'The categories of {self.ann_file} have {len(lists)} different lists of keypoints, '
                                  'or none; every category that is used needs the same "keypoints".')
        return tuple(name.replace('_', ' ') for name in lists.pop())


@TRANSFORMS.register_module()
class LoadKeypoints(BaseTransform):
    """Add ``gt_keypoints``, ``float32[G, K, 3]``: x and y in pixels of the transformed image, and the visibility v.

    Must follow ``Resize`` and ``RandomFlip``. A flip exchanges the keypoints named left and right, or top
    and bottom.
    """

    def transform(self, results: dict) -> dict:
        names = results['point_names']
        points = np.asarray([instance['keypoints'] for instance in results['instances']], np.float32)
        points = points.reshape(-1, len(names), 3)
        homography = results.get('homography_matrix', np.eye(3, dtype=np.float32))
        homogeneous = np.concatenate([points[..., :2], np.ones_like(points[..., :1])], -1)
        points[..., :2] = (homogeneous @ homography.T)[..., :2]
        if results.get('flip'):
            points = mirror_points(points, names, results['flip_direction'])
        results['gt_keypoints'] = points
        return results


def mirror_points(points: np.ndarray, names: tuple[str, ...], direction: str = 'horizontal') -> np.ndarray:
    """Keypoints ``float32[G, K, 3]`` of a flipped image, those of the other side in their place; a keypoint of one side
    alone is no longer labelled."""
    others = [mirrored_name(name, direction) for name in names]
    mirrored = points[:, [names.index(other if other in names else name) for name, other in zip(names, others)]]
    mirrored[:, [other not in names for other in others]] = 0
    return mirrored
