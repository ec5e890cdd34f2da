"""Pipeline transforms that load images of any mode, and make large ones smaller."""

import mmcv
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import Resize
from mmdet.registry import TRANSFORMS

from visionllm.annotations import AnnotationError, read_image


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that reads images with ``read_image``; a pipeline need not resize them.

    Raises:
        ImageError: The image cannot be read; the message names the file.
        AnnotationError: It has another size than annotated.
    """

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        annotated = results.get('height'), results.get('width')
        if None not in annotated and annotated != image.shape[:2]:
            height, width = image.shape[:2]
            raise AnnotationError(f'{results["img_path"]} is {width} x {height} pixels, and annotated as '
                                  f'{annotated[1]} x {annotated[0]}, so its objects would be elsewhere. Annotations '
                                  'must fit the image as it is shown, upright by its EXIF orientation.')
        results['img'] = mmcv.rgb2bgr(image)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        results['scale_factor'] = (1.0, 1.0)
        return results


@TRANSFORMS.register_module()
class LimitLongestEdge(Resize):
    """``Resize`` for images whose longest edge is over a limit; smaller ones stay as they are.

    For models on a published detector or encoder, which resizes on its own: copies of a camera's 12 million pixels on
    the way there cost more than the detector.

    Args:
        max_size: Longest edge in pixels.
    """

    def __init__(self, max_size: int = 1333):
        super().__init__(scale=(max_size, max_size), keep_ratio=True, interpolation='area')

    def transform(self, results: dict) -> dict:
        return super().transform(results) if max(results['img'].shape[:2]) > max(self.scale) else results
