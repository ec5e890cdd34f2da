"""Referring expressions: RefCOCO, RefCOCO+, RefCOCOg and data sets in their formats."""

from collections.abc import Sequence

import numpy as np
from mmdet.registry import DATASETS

from visionllm.annotations import AnnotationError
from visionllm.annotations.coco_boxes import are_outside
from visionllm.language import fault_in_class_name

from .referring_files import read_expressions
from .sentences import SentenceDataset, normalize_spaces

# RefCOCO, + and g have at most 37 in val; a much longer expression exceeds the maximum input length of BERT
MAX_WORDS = 100


@DATASETS.register_module()
class ReferringDataset(SentenceDataset):
    """One sample per expression, in any format of ``read_expressions``.

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``expression``, with single spaces, and single quotes
    for double ones, since instructions quote class names; ``text``, a class set of that one name; ``relation``, whether
    the expression refers to a relation to another object (False if the file does not say); ``instances``, the objects
    referred to: ``bbox`` (xyxy in pixels), ``bbox_label`` 0, ``ignore_flag`` 0, and ``mask`` (polygons) if the file has
    masks. There is no instance if no object matches. An image, and its ``img_id``, occurs once per expression.

    Expressions that are empty, longer than ``MAX_WORDS`` words or contain a reserved token are skipped and counted in
    the log, as are those with a box that is empty or outside its image.

    Args:
        ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices: As in ``SentenceDataset``; in
            ``test_mode`` expressions that are generated use the wordings that are kept for tests.
        instances_file: Objects that the expressions refer to, for formats that need them; the file beside ``ann_file``
            if None.
        with_other_objects: Add the image's other objects to ``instances``, with ``ignore_flag`` 1, if the format has
            them.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None, with_other_objects: bool = False):
        self.with_other_objects = with_other_objects
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices,
                         instances_file)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_expressions(self.ann_file, self.instances_file, self.with_other_objects, self.test_mode)
        outside = _outside_images(samples)
        for sample, is_outside in zip(samples, outside):
            sample['expression'] = normalize_spaces(sample['expression']).replace('"', "'")
            sample['text'] = (sample['expression'], )
            sample['fault'] = _find_fault(sample, is_outside)
        return samples


def _find_fault(sample: dict, is_outside: bool) -> str | None:
    """Why a sample cannot be used; None if it can."""
    if len(sample['expression'].split()) > MAX_WORDS:
        return f'the expression has more than {MAX_WORDS} words'
    if is_outside:
        return 'a box is empty or outside its image'
    fault = fault_in_class_name(sample['expression'])
    return f'the expression {fault}' if fault else None


def _outside_images(samples: list[dict]) -> list[bool]:
    """Whether any box of each sample is empty or outside its image.

    Raises:
        AnnotationError: Boxes are (x, y, width, height), where corners are expected.
    """
    outside = [False] * len(samples)
    owners = [(index, instance['bbox']) for index, sample in enumerate(samples) for instance in sample['instances']]
    if not owners:
        return outside
    corners = np.array([box for _, box in owners], float)
    sizes = np.array([(samples[index]['width'], samples[index]['height']) for index, _ in owners], float)
    reversed_corners = (corners[:, 2:] < corners[:, :2]).any(1)
    fits_as_size = (corners[:, :2] + corners[:, 2:] <= sizes + 1).all()
    if reversed_corners.mean() >= 0.1 and fits_as_size:
        raise AnnotationError(f'{reversed_corners.sum()} of {len(owners)} boxes are no corners (x1, y1, x2, y2), and '
                              'all fit as (x, y, width, height). Write corners; the key may be bbox or bbox_xyxy.')
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
    for index in {owners[i][0] for i in are_outside(boxes, sizes).nonzero()[0]}:
        outside[index] = True
    return outside
