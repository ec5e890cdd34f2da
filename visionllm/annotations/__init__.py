from visionllm import mmdet_setup  # noqa: F401

from .checked_coco import CheckedCOCO
from .coco_file import read_coco_file
from .files import AnnotationError
from .images import ImageError, read_image

__all__ = ['AnnotationError', 'CheckedCOCO', 'ImageError', 'read_coco_file', 'read_image']
