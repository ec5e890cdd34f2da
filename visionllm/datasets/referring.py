"""Referring expressions: find what a phrase means. RefCOCO, RefCOCO+, RefCOCOg, and others of their formats."""

from collections.abc import Sequence

from mmdet.registry import DATASETS

from visionllm.language import TASKS

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

    Takes ``SentenceDataset``'s arguments, and:

    Args:
        instances_file: Objects that the expressions point to, where they are in a file of their own; the one beside
            ``ann_file`` if None.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None):
        self.instances_file = instances_file
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_expressions(self.ann_file, self.instances_file)
        for sample in samples:
            sample['expression'] = one_line(sample['expression']).replace('"', "'")
            sample['text'] = (sample['expression'], )
            sample['fault'] = _fault_of(sample)
        return samples


def _fault_of(sample: dict) -> str | None:
    words = len(sample['expression'].split())
    if words > MAX_WORDS:
        return f'the expression has more than {MAX_WORDS} words'
    if any(_outside(instance['bbox'], sample) for instance in sample['instances']):
        return 'a box is empty or outside its picture'
    return fault_in_instruction(sample['expression'], TASKS['grounding'].output_format)


def _outside(box: list[float], sample: dict) -> bool:
    x1, y1, x2, y2 = box
    across = min(x2, sample['width']) - max(x1, 0)
    down = min(y2, sample['height']) - max(y1, 0)
    return not (across > 0 and down > 0 and x2 - x1 >= 1 and y2 - y1 >= 1)  # a box of NaN is outside, too
