"""Referring expressions: RefCOCO, RefCOCO+, RefCOCOg and data sets in their formats."""

from collections.abc import Sequence

from mmdet.registry import DATASETS

from visionllm.language import TASKS

from .coco import is_outside_image
from .referring_files import read_expressions
from .sentences import SentenceDataset, fault_in_instruction, normalize_spaces

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
        for sample in samples:
            sample['expression'] = normalize_spaces(sample['expression']).replace('"', "'")
            sample['text'] = (sample['expression'], )
            sample['fault'] = _find_fault(sample)
        return samples


def _find_fault(sample: dict) -> str | None:
    """Why a sample cannot be used; None if it can."""
    if len(sample['expression'].split()) > MAX_WORDS:
        return f'the expression has more than {MAX_WORDS} words'
    if any(is_outside_image(_xyxy_to_xywh(instance['bbox']), sample) for instance in sample['instances']):
        return 'a box is empty or outside its image'
    return fault_in_instruction(sample['expression'], TASKS['grounding'].output_format)


def _xyxy_to_xywh(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
