"""Where annotated pictures meet instructions.

Any MMDetection dataset serves: with ``return_classes=True`` its samples carry their class names (``text``). In
training one instruction is drawn a batch (class set, order, class tokens, wording), so that its text is read once; in
testing the pipeline writes a fixed one.
"""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import get_box_tensor
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.structures import InstanceData
from torch import Tensor

from visionllm.language import TASKS, OutputFormat, draw_class_set, write_instruction
from visionllm.structures.polygons import ring_of

META_KEYS = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction', 'text',
             'instruction')


@FUNCTIONS.register_module()
def instruction_collate(data_batch: list[dict], task: str = 'detection', max_names: int = 80,
                        points: tuple[int, int] | None = None) -> dict:
    """Collate samples and give them one random instruction, and ``gt_instances.points`` to answer it with.

    Args:
        data_batch: Packed samples whose ``text`` metainfo holds the dataset's class names; with ``masks`` (polygons)
            where polygons are asked for.
        task: Name in the task table.
        max_names: At most that many classes in the instruction.
        points: Fewest and most points of a polygon, drawn at random; None asks as the task table does.
    """
    samples = [item['data_samples'] for item in data_batch]
    names = samples[0].text
    rng = np.random.default_rng(np.random.randint(2**31))  # mmengine seeds numpy in each worker
    present = sorted({names[label] for sample in samples for label in sample.gt_instances.labels.tolist()})
    chosen, tokens = draw_class_set(rng, names, present, max_names)
    spec = TASKS[task]
    output_format = OutputFormat(int(rng.integers(points[0], points[1] + 1))) if points else spec.output_format
    text = write_instruction(chosen, str(rng.choice(spec.wordings)), output_format, tokens)
    for sample in samples:
        sample.set_metainfo(dict(instruction=text))
        sample.gt_instances.points = points_of(sample.gt_instances, output_format)
    return pseudo_collate(data_batch)


def points_of(instances: InstanceData, output_format: OutputFormat) -> Tensor:
    """What a tuple of this format should say of each object: ``float[G, N, 2]``, pixels of the resized picture.

    A box's corners, or the points of its polygon (``structures.polygons``).
    """
    if output_format.is_box:
        return get_box_tensor(instances.bboxes).unflatten(-1, (2, 2))
    rings = [ring_of([part.reshape(-1, 2) for part in parts], output_format.num_points)
             for parts in instances.masks.masks]
    return torch.from_numpy(np.asarray(rings, np.float32).reshape(-1, output_format.num_points, 2))


@TRANSFORMS.register_module()
class WriteInstruction(BaseTransform):
    """Add a fixed instruction over the dataset's classes (``text``) to a sample.

    Args:
        task: Name in the task table.
        wording: Index of the wording; those held out of training follow the others.
        classes: Names to ask for, in this order; all of the dataset's if None.
    """

    def __init__(self, task: str = 'detection', wording: int = 0, classes: list[str] | None = None):
        spec = TASKS[task]
        self.wording = (spec.wordings + spec.held_out)[wording]
        self.output_format = spec.output_format
        self.classes = classes

    def transform(self, results: dict) -> dict:
        results['instruction'] = write_instruction(self.classes or results['text'], self.wording, self.output_format)
        return results
