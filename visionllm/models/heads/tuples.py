"""Tuples in pixels and in the dataset's labels."""

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from visionllm.language import Instruction, InstructionError
from visionllm.structures.polygons import fill_rings


def put_tuples(sample: DetDataSample, instruction: Instruction, answer: InstanceData, rescale: bool) -> None:
    """Put an answer into a sample: in pixels of the original picture, labels of the dataset; outlines as masks, points
    that have names as keypoints."""
    height, width = sample.img_shape
    size = answer.bboxes.new_tensor([width, height])
    if rescale:
        size = size / answer.bboxes.new_tensor(sample.scale_factor)
    answer.bboxes = answer.bboxes * size.repeat(2)
    answer.points = answer.points * size
    if instruction.output_format.is_named:
        answer.keypoints = answer.points
    if instruction.output_format.is_outline:
        shape = sample.ori_shape if rescale else sample.img_shape
        answer.masks = torch.from_numpy(fill_rings(answer.points.detach().cpu().numpy(), *shape[:2]))
    place = {name: k for k, name in enumerate(sample.text)}
    unknown = [name for name in instruction.class_names if name not in place]
    if unknown:
        raise InstructionError(f'The instruction names {", ".join(unknown[:5])}, which the sample\'s classes '
                               f'({", ".join(sample.text[:5])}, ...) do not hold.')
    table = torch.tensor([place[name] for name in instruction.class_names], device=answer.labels.device)
    answer.labels = table[answer.labels]
    sample.pred_instances = answer
