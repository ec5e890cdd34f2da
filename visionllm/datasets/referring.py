"""Referring expressions: find what a phrase means. RefCOCO, RefCOCO+, RefCOCOg, and others of their formats."""

from collections.abc import Sequence

from mmdet.registry import DATASETS

from visionllm.language import TASKS

from .coco import lies_outside
from .referring_files import read_expressions
from .sentences import SentenceDataset, fault_in_instruction, one_line

MAX_WORDS = 100  # the longest of RefCOCO, + and g has 37 in val; what is longer would push its instruction out of BERT


@DATASETS.register_module()
class ReferringDataset(SentenceDataset):
    """One sample an expression, in any format of ``read_expressions``.

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``expression`` (single spaces, double quotes made
    single, since an instruction quotes class names); ``text``, a class set of that one name; ``relation``, whether it
    needs a relation to another object (False where the file does not say); and ``instances``, the objects meant:
    ``bbox`` (xyxy in pixels), ``bbox_label`` 0, ``ignore_flag`` 0, and ``mask`` (polygons) where the file has
    outlines. No instance where nothing in the picture fits. Pictures and their ``img_id`` come once for every
    expression.

    Expressions that are empty, longer than ``MAX_WORDS`` words or hold the model's own marks are left out and counted
    in the log, as are those whose box is empty or outside its picture.

    Takes ``SentenceDataset``'s arguments, and the one below; the objects that expressions point to are in the file
    beside ``ann_file`` where ``instances_file`` does not say otherwise.

    Args:
        others: Add the picture's other objects to ``instances``, with ``ignore_flag`` 1, where the file's format has
            them.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None, others: bool = False):
        self.others = others
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices,
                         instances_file)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_expressions(self.ann_file, self.instances_file, self.others)
        for sample in samples:
            sample['expression'] = one_line(sample['expression']).replace('"', "'")
            sample['text'] = (sample['expression'], )
            sample['fault'] = _fault_of(sample)
        return samples


def _fault_of(sample: dict) -> str | None:
    words = len(sample['expression'].split())
    if words > MAX_WORDS:
        return f'the expression has more than {MAX_WORDS} words'
    if any(lies_outside(_sides(instance['bbox']), sample) for instance in sample['instances']):
        return 'a box is empty or outside its picture'
    return fault_in_instruction(sample['expression'], TASKS['grounding'].output_format)


def _sides(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
