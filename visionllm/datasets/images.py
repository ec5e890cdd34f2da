"""The pipeline transform that loads images of any mode."""

import mmcv
from mmcv.transforms import LoadImageFromFile
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
