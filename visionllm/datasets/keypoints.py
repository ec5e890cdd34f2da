"""Points that have names: COCO's keypoint files, and where their points are in the picture that a model sees."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import DATASETS, TRANSFORMS

from .coco import AnnotationError, InstructionCocoDataset

_MIRRORED = dict(left='right', right='left')


@DATASETS.register_module()
class KeypointCocoDataset(InstructionCocoDataset):
    """``InstructionCocoDataset`` of a keypoint file.

    Samples carry ``point_names``, the names of the file's points as one says them ("left eye" for ``left_eye``), and
    each instance its ``keypoints``: ``[x, y, v, ...]`` in pixels; v is 0 where nobody said where the point is, 1 where
    it is hidden, 2 where it can be seen.

    Raises:
        AnnotationError: The classes name no points, or not the same; an object has not as many.
    """

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """As in ``InstructionCocoDataset``, with the points of the instances that are left."""
        info = super().parse_data_info({**raw_data_info, 'raw_ann_info': []})
        info['point_names'] = self._point_names()
        for ann in raw_data_info['raw_ann_info']:
            one = super().parse_data_info({**raw_data_info, 'raw_ann_info': [ann]})
            for instance in one['instances']:
                instance['keypoints'] = self._points_of(ann, len(info['point_names']))
                info['instances'].append(instance)
        return info

    def _point_names(self) -> tuple[str, ...]:
        lists = {tuple(self.coco.cats[i].get('keypoints', ())) for i in self.cat_ids}
        if len(lists) > 1 or () in lists:
            raise AnnotationError(f'The classes of {self.ann_file} name {len(lists)} different lists of points, or '
                                  'none; every category that is used needs the same "keypoints".')
        return tuple(name.replace('_', ' ') for name in lists.pop())

    def _points_of(self, ann: dict, count: int) -> list[float]:
        found = ann.get('keypoints', ())
        if len(found) != 3 * count:
            raise AnnotationError(f'Object {ann["id"]} of {self.ann_file} has {len(found)} numbers as its keypoints; '
                                  f'{count} points with names need {3 * count}: x, y and v each.')
        return found


@TRANSFORMS.register_module()
class LoadKeypoints(BaseTransform):
    """Add ``gt_keypoints``, ``float32[G, K, 3]`` (x and y in pixels of the picture as it is now, and v): to be placed
    after ``Resize`` and ``RandomFlip``. In a mirrored picture, left and right change their names.

    Raises:
        ValueError: The picture is upside down, where nobody knows the names of things.
    """

    def transform(self, results: dict) -> dict:
        names = results['point_names']
        points = np.asarray([instance['keypoints'] for instance in results['instances']], np.float32)
        points = points.reshape(-1, len(names), 3)
        moved = results.get('homography_matrix', np.eye(3, dtype=np.float32))
        ones = np.concatenate([points[..., :2], np.ones_like(points[..., :1])], -1)
        points[..., :2] = (ones @ moved.T)[..., :2]
        if results.get('flip'):
            if results['flip_direction'] != 'horizontal':
                raise ValueError(f'A picture with named points was flipped in the direction '
                                 f'{results["flip_direction"]}; RandomFlip may only do so in "horizontal".')
            points = points[:, [names.index(mirrored(name)) for name in names]]
        results['gt_keypoints'] = points
        return results


def mirrored(name: str) -> str:
    """What a point is called in a mirror: "left eye" is "right eye"."""
    return ' '.join(_MIRRORED.get(word, word) for word in name.split())
