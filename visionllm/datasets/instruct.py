"""Instructions for annotated images: the collate function of training and the pipeline transform of testing.

Any MMDetection dataset with ``return_classes=True`` can be used, since its samples carry their class names (``text``).
In training one random instruction (wording, class set, order, class tokens, output format) is shared by a batch, so
that it is encoded once; samples with a class set or question of their own get their own instruction. In testing
``WriteInstruction`` writes a fixed instruction, or several where there are too many classes for one.

Dimensions: G objects, N points of the output tuple.
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

from visionllm.errors import ConfigError
from visionllm.language import (
    MAX_CLASSES_PER_INSTRUCTION,
    TASKS,
    OutputFormat,
    keypoint_format,
    render_instruction,
    sample_class_set,
)
from visionllm.structures.polygons import canonical_start, merge_parts, parts_to_polygon, resample_evenly

from .sides import flip_sides

CONTOUR_POINTS = 64

# keys of MMDetection, of instructions, and of the datasets with text annotations
META_KEYS = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text',
             'point_names', 'task', 'instruction', 'question', 'turns', 'captions', 'answer', 'kind', 'expression',
             'relation', 'verified_names', 'choices', 'episode', 'candidate', 'asked_box', 'crop_box')


@TRANSFORMS.register_module()
class PackInstructionInputs(PackDetInputs):
    """``PackDetInputs`` that also packs keypoints and the metainfo of instructions and metrics (``META_KEYS``).

    If the image was flipped, left and right, or top and bottom, are exchanged in the names of its objects and in its
    texts.

    Args:
        task: Name of a task in ``TASKS``, stored as metainfo. ``instruction_collate`` writes the instruction by it, and
            ``TaskEvaluator`` selects the metric by it; not needed elsewhere.

    Raises:
        ConfigError: There is no such task.
    """

    mapping_table = {**PackDetInputs.mapping_table, 'gt_keypoints': 'keypoints'}

    def __init__(self, task: str | None = None):
        super().__init__(meta_keys=META_KEYS)
        if task is not None and task not in TASKS:
            raise ConfigError(f'There is no task {task!r}; the task table has {", ".join(TASKS)}.')
        self.task = task

    def transform(self, results: dict) -> dict:
        flip_sides(results)
        return super().transform(results | (dict(task=self.task) if self.task else {}))


@FUNCTIONS.register_module()
def instruction_collate(data_batch: list[dict], max_names: int = MAX_CLASSES_PER_INSTRUCTION,
                        num_points: tuple[int, int] = (4, 32),
                        vary: tuple[str, ...] = ('wording', 'classes', 'format')) -> dict:
    """Collate samples of one task, and add a random instruction and the points of its output tuple.

    Sets ``instruction`` (metainfo), ``gt_instances.points`` (``float[G, N, 2]``) and, where there are masks,
    ``gt_instances.contours`` (``float[G, CONTOUR_POINTS, 2]``), all in pixels of the resized image.

    Args:
        data_batch: Samples packed by ``PackInstructionInputs``. Metainfo: ``text``, the class names; ``task``; for
            keypoints ``point_names``; ``verified_names``, the class names that are exhaustively annotated, if not all
            are. Instances: for polygons ``masks`` (polygons), for keypoints ``keypoints``.
        max_names: Maximum number of classes of an instruction.
        num_points: Minimum and maximum number of points of a polygon, which is drawn at random.
        vary: What is drawn at random for each batch (paper, table 4a): the ``wording``; the ``classes``, which are the
            class set, its order and its class tokens; the ``format``, which is the number of polygon points, or the
            selection and order of keypoints.
    """
    samples = [item['data_samples'] for item in data_batch]
    task = TASKS[samples[0].task]
    rng = np.random.default_rng(np.random.randint(2**31))  # mmengine seeds NumPy's generator in each worker
    output_format = task.output_format
    if output_format.is_polygon and 'format' in vary:
        output_format = OutputFormat(int(rng.integers(num_points[0], num_points[1] + 1)))
    if output_format.has_point_names:
        output_format = sample_point_names(rng if 'format' in vary else None, samples[0].point_names)
    wording = str(rng.choice(task.wordings)) if 'wording' in vary else task.wordings[0]
    for group in _group_by_prompt(samples):
        text = _instruction(rng if 'classes' in vary else None, group, wording, output_format, max_names)
        for sample in group:
            objects = sample.gt_instances
            sample.set_metainfo(dict(instruction=text))
            objects.points = target_points(objects, output_format, sample.get('point_names', ()))
            if 'masks' in objects:
                objects.contours = instance_contours(objects)
    return pseudo_collate(data_batch)


def _group_by_prompt(samples: list[DetDataSample]) -> list[list[DetDataSample]]:
    """Group samples that can share an instruction: those with the same class names and the same question."""
    groups: dict[tuple, list] = {}
    for sample in samples:
        groups.setdefault((tuple(sample.text), sample.get('question', '')), []).append(sample)
    return list(groups.values())


def _instruction(rng: np.random.Generator | None, samples: list[DetDataSample], wording: str,
                 output_format: OutputFormat, max_names: int) -> str:
    """The instruction of a group: with a random class set, or without ``rng`` with all classes in their order."""
    first = samples[0]
    if output_format.is_text:
        return render_instruction((), wording, output_format, question=first.get('question', ''))
    names = first.text
    if rng is None:
        return render_instruction(names, wording, output_format)
    present = sorted({names[label] for sample in samples for label in sample.gt_instances.labels.tolist()})
    verified_names = {name for sample in samples for name in sample.get('verified_names', ())}
    chosen, tokens = sample_class_set(rng, names, present, max_names, verified_names)
    return render_instruction(chosen, wording, output_format, tokens)


def sample_point_names(rng: np.random.Generator | None, names: Sequence[str]) -> OutputFormat:
    """Draw an output format with a random selection of keypoints in random order; of all keypoints in 1/3 of cases.

    Args:
        rng: Source of randomness; if None, the format has all keypoints in their order.
        names: Names of all keypoints.
    """
    if rng is None:
        return keypoint_format(names)
    count = len(names) if rng.random() < 1 / 3 else int(rng.integers(1, len(names) + 1))
    return keypoint_format([names[i] for i in rng.permutation(len(names))[:count]])


def target_points(instances: InstanceData, output_format: OutputFormat, point_names: Sequence[str] = ()) -> Tensor:
    """Ground truth of the output tuple for each object: box corners, polygon points or keypoints.

    Args:
        instances: Ground truth with ``bboxes``, ``masks`` (polygons) or ``keypoints`` (``float[G, K, 3]``, K keypoints
            of the dataset), as the format needs.
        output_format: Format of the tuple.
        point_names: Names of the K keypoints.

    Returns:
        ``float[G, N, 2]`` in pixels of the resized image; NaN for keypoints that are not labelled; N is 0 for text.
    """
    if output_format.has_point_names:
        points = instances.keypoints[:, [list(point_names).index(name) for name in output_format.point_names]]
        return points[..., :2].masked_fill(points[..., 2:] == 0, torch.nan)
    if output_format.is_text:
        return torch.zeros(len(instances), 0, 2)
    if output_format.is_box:
        return get_box_tensor(instances.bboxes).unflatten(-1, (2, 2))
    count = output_format.num_points
    return _stack([parts_to_polygon(parts, count) for parts in _polygons(instances)], count)


def instance_contours(instances: InstanceData) -> Tensor:
    """Contours of the objects' masks: ``float[G, CONTOUR_POINTS, 2]`` in pixels of the resized image."""
    contours = [canonical_start(resample_evenly(merge_parts(parts), CONTOUR_POINTS)) for parts in _polygons(instances)]
    return _stack(contours, CONTOUR_POINTS)


def _polygons(instances: InstanceData) -> list[list[np.ndarray]]:
    """Polygons ``float[n, 2]`` of each object."""
    return [[part.reshape(-1, 2) for part in parts] for parts in instances.masks.masks]


def _stack(contours: list[np.ndarray], count: int) -> Tensor:
    return torch.from_numpy(np.asarray(contours, np.float32).reshape(-1, count, 2))


@TRANSFORMS.register_module()
class WriteInstruction(BaseTransform):
    """Add a fixed ``instruction``, over the dataset's classes (``text``) or with the sample's ``question``.

    Args:
        task: Name of a task in ``TASKS``.
        wording: Index of the wording; wordings held out of training follow the others.
        classes: Class names in the order of the instruction; all of the dataset's if None.
        num_points: Number of polygon points; the task's default if None.
        max_names: Maximum number of classes of an instruction; more are split evenly over several instructions.
        point_names: Names of the keypoints in the order of the output tuple, for a task with keypoints; all of the
            dataset's if None.
        template: Of a task in text, in place of a wording: with ``<image>``, ``<question>`` and ``<format>``.
    """

    def __init__(self, task: str = 'detection', wording: int = 0, classes: list[str] | None = None,
                 num_points: int | None = None, max_names: int = MAX_CLASSES_PER_INSTRUCTION,
                 point_names: list[str] | None = None, template: str | None = None):
        self.task, self.wording, self.classes, self.template = TASKS[task], wording, classes, template
        self.num_points, self.max_names, self.point_names = num_points, max_names, point_names

    def transform(self, results: dict) -> dict:
        question = results.get('question', '')
        if self.template is not None:
            results['instruction'] = render_instruction((), self.template, self.task.output_format, question=question)
        elif self.task.output_format.is_text:
            results['instruction'] = self.task.write_instruction(wording=self.wording, question=question)
        else:
            has_point_names = self.task.output_format.has_point_names
            point_names = (self.point_names or results['point_names']) if has_point_names else ()
            results['instruction'] = self.task.write_instructions(
                self.classes or results['text'], self.wording, self.num_points, self.max_names, point_names)
        return results
