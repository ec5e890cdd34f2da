"""Where annotated pictures meet instructions.

Any MMDetection dataset serves: with ``return_classes=True`` its samples carry their class names (``text``). In
training one instruction is drawn a batch (class set, order, class tokens, wording), so that its text is read once;
where every sample has a class set or a question of its own, one a sample. In testing the pipeline writes a fixed one,
or as many sentences as its classes need.
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.datasets.transforms import PackDetInputs
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.structures import InstanceData
from torch import Tensor

from visionllm.language import NAMES_AT_ONCE, TASKS, OutputFormat, draw_class_set, named_points, write_instruction
from visionllm.structures.polygons import evenly, from_the_top, outline, ring_of

RING_POINTS = 64

# of MMDetection, of instructions, and of the datasets that have more to say than boxes
META_KEYS = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text',
             'point_names', 'task', 'instruction', 'question', 'turns', 'captions', 'answer', 'kind', 'expression',
             'relation', 'checked')


@TRANSFORMS.register_module()
class PackInstructionInputs(PackDetInputs):
    """``PackDetInputs`` with all that instructions are written from, and answers judged by.

    Args:
        task: Name in the task table: what a sample is for. Training's collate writes instructions by it, and
            ``TaskEvaluator`` chooses the metric by it; not needed elsewhere.
    """

    mapping_table = {**PackDetInputs.mapping_table, 'gt_keypoints': 'keypoints'}

    def __init__(self, task: str | None = None):
        super().__init__(meta_keys=META_KEYS)
        if task is not None and task not in TASKS:
            raise ValueError(f'There is no task {task!r}; the task table has {", ".join(TASKS)}.')
        self.task = task

    def transform(self, results: dict) -> dict:
        return super().transform(results | (dict(task=self.task) if self.task else {}))


@FUNCTIONS.register_module()
def instruction_collate(data_batch: list[dict], max_names: int = NAMES_AT_ONCE, points: tuple[int, int] = (4, 32),
                        vary: tuple[str, ...] = ('wording', 'classes', 'format')) -> dict:
    """Collate samples of one task, and give them a random instruction and ``gt_instances.points`` to answer it with.

    Args:
        data_batch: Packed samples whose ``text`` metainfo holds their class names, and ``task`` what they are for
            (``PackInstructionInputs``); with ``masks`` (polygons) where polygons are asked for, with ``point_names``
            metainfo and ``keypoints`` where named points are; with ``checked``, the names that all objects of were
            looked for, where these are not all.
        max_names: At most that many classes in an instruction.
        points: Fewest and most points of a polygon, drawn at random.
        vary: What is drawn anew for each batch: the wording, the class set with its order and tokens, the format
            (paper, table 4a): how many points, or which and in what order.
    """
    samples = [item['data_samples'] for item in data_batch]
    task = TASKS[samples[0].task]
    rng = np.random.default_rng(np.random.randint(2**31))  # mmengine seeds numpy in each worker
    output_format = task.output_format
    if output_format.is_outline and 'format' in vary:
        output_format = OutputFormat(int(rng.integers(points[0], points[1] + 1)))
    if output_format.is_named:
        output_format = draw_points(rng if 'format' in vary else None, samples[0].point_names)
    wording = str(rng.choice(task.wordings)) if 'wording' in vary else task.wordings[0]
    for together in _alike(samples):
        text = _instruction(rng if 'classes' in vary else None, together, wording, output_format, max_names)
        for sample in together:
            sample.set_metainfo(dict(instruction=text))
            sample.gt_instances.points = points_of(sample.gt_instances, output_format, sample.get('point_names', ()))
            if 'masks' in sample.gt_instances:
                sample.gt_instances.rings = rings_of(sample.gt_instances)
    return pseudo_collate(data_batch)


def _alike(samples: list[DetDataSample]) -> list[list[DetDataSample]]:
    """Samples that can share an instruction: those of the same class names and the same question."""
    groups: dict[tuple, list] = {}
    for sample in samples:
        groups.setdefault((tuple(sample.text), sample.get('question', '')), []).append(sample)
    return list(groups.values())


def _instruction(rng: np.random.Generator | None, samples: list[DetDataSample], wording: str,
                 output_format: OutputFormat, max_names: int) -> str:
    """An instruction for samples that can share it: of a random class set, or of all classes as they come."""
    first = samples[0]
    if output_format.is_text:
        return write_instruction((), wording, output_format, question=first.get('question', ''))
    names = first.text
    if rng is None:
        return write_instruction(names, wording, output_format)
    present = sorted({names[label] for sample in samples for label in sample.gt_instances.labels.tolist()})
    looked_for = {name for sample in samples for name in sample.get('checked', ())}
    chosen, tokens = draw_class_set(rng, names, present, max_names, looked_for)
    return write_instruction(chosen, wording, output_format, tokens)


def draw_points(rng: np.random.Generator | None, names: Sequence[str]) -> OutputFormat:
    """A tuple of some of the named points in random order, one time in three of all; of all as they come without
    ``rng``."""
    if rng is None:
        return named_points(names)
    count = len(names) if rng.random() < 1 / 3 else int(rng.integers(1, len(names) + 1))
    return named_points([names[i] for i in rng.permutation(len(names))[:count]])


def points_of(instances: InstanceData, output_format: OutputFormat, point_names: Sequence[str] = ()) -> Tensor:
    """What a tuple of this format should say of each object: ``float[G, N, 2]``, pixels of the resized picture.

    A box's corners, the points of its polygon (``structures.polygons``), or those of its keypoints, called
    ``point_names``, that are named: NaN where nobody said where they are. None where words are asked for.
    """
    if output_format.is_named:
        points = instances.keypoints[:, [list(point_names).index(name) for name in output_format.point_names]]
        return points[..., :2].masked_fill(points[..., 2:] == 0, torch.nan)
    if output_format.is_text:
        return torch.zeros(len(instances), 0, 2)
    if output_format.is_box:
        return get_box_tensor(instances.bboxes).unflatten(-1, (2, 2))
    count = output_format.num_points
    return _stacked([ring_of(parts, count) for parts in _parts(instances)], count)


def rings_of(instances: InstanceData) -> Tensor:
    """Outlines for the tokenizer to learn: ``float[G, RING_POINTS, 2]``, pixels of the resized picture."""
    return _stacked([from_the_top(evenly(outline(parts), RING_POINTS)) for parts in _parts(instances)], RING_POINTS)


def _parts(instances: InstanceData) -> list[list[np.ndarray]]:
    return [[part.reshape(-1, 2) for part in parts] for parts in instances.masks.masks]


def _stacked(rings: list[np.ndarray], count: int) -> Tensor:
    return torch.from_numpy(np.asarray(rings, np.float32).reshape(-1, count, 2))


@TRANSFORMS.register_module()
class WriteInstruction(BaseTransform):
    """Add a fixed instruction over the dataset's classes (``text``) to a sample.

    Args:
        task: Name in the task table.
        wording: Index of the wording; those held out of training follow the others.
        classes: Names to ask for, in this order; all of the dataset's if None.
        num_points: Points of a polygon; what the task table says if None.
        max_names: Where there are more names, they are asked for in groups of about one size.
        points: Names of the points to ask for, in this order, where they have names; all of the dataset's if None.
    """

    def __init__(self, task: str = 'detection', wording: int = 0, classes: list[str] | None = None,
                 num_points: int | None = None, max_names: int = NAMES_AT_ONCE, points: list[str] | None = None):
        self.task, self.wording, self.classes = TASKS[task], wording, classes
        self.num_points, self.max_names, self.points = num_points, max_names, points

    def transform(self, results: dict) -> dict:
        if self.task.output_format.is_text:
            results['instruction'] = self.task.order(wording=self.wording, question=results.get('question', ''))
        else:
            points = (self.points or results['point_names']) if self.task.output_format.is_named else ()
            results['instruction'] = self.task.orders(self.classes or results['text'], self.wording, self.num_points,
                                                      self.max_names, points)
        return results
