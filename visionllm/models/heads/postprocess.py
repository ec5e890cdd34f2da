"""Predicted tuples as MMDetection's ``pred_instances``: pixels, dataset labels, masks, keypoints."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import PolygonMasks
from mmengine.structures import InstanceData

from visionllm.language import Instruction, InstructionError, check_class_names
from visionllm.language.output_format import OutputFormat

MIN_NO_OBJECT = 1e-6  # probability of no-object where a class is certain


def add_tuples_to_sample(sample: DetDataSample, instructions: Sequence[Instruction],
                         predictions: Sequence[InstanceData], rescale: bool, max_per_img: int | None = None) -> None:
    """Set ``pred_instances``: coordinates in pixels, labels of the dataset; polygons also as masks, named points also
    as keypoints. A polygon that is cut out of a mask has the score of its class times that of the mask.

    Args:
        sample: Receives ``pred_instances``.
        instructions: One, or several that each name a group of the classes.
        predictions: One per instruction.
        rescale: To the original image instead of the resized one.
        max_per_img: At most that many, the best.

    Raises:
        InstructionError: The instructions name different formats, or a class that the sample does not have.
    """
    names = [name for instruction in instructions for name in instruction.class_names]
    check_class_names(names)
    output_format = common_format(instructions)
    result = merge_groups(predictions, [len(instruction.class_names) for instruction in instructions], max_per_img)
    if 'mask_scores' in result:
        result.scores = result.scores * result.mask_scores
        order = result.scores.argsort(descending=True)
        result = InstanceData(**{name: values[order] for name, values in result.items()})  # also on the meta device
    height, width = sample.img_shape
    size = result.bboxes.new_tensor([width, height])
    if rescale:
        size = size / result.bboxes.new_tensor(sample.scale_factor)
    result.bboxes = result.bboxes * size.repeat(2)
    result.points = result.points * size
    if output_format.has_point_names:
        result.keypoints = result.points
    if output_format.is_polygon:
        shape = sample.ori_shape if rescale else sample.img_shape
        polygons = result.points.detach().cpu().numpy().astype(float).reshape(len(result), 1, -1)
        result.masks = PolygonMasks(list(map(list, polygons)), *shape[:2])  # pixels are made where they are needed
    label_of = {name: k for k, name in enumerate(sample.text)}
    unknown = [name for name in names if name not in label_of]
    if unknown:
        raise InstructionError(f'The instruction names {", ".join(unknown[:5])}, which the sample\'s classes '
                               f'({", ".join(sample.text[:5])}, ...) do not hold.')
    table = torch.tensor([label_of[name] for name in names], device=result.labels.device)
    result.labels = table[result.labels]
    sample.pred_instances = result


def common_format(instructions: Sequence[Instruction]) -> OutputFormat:
    """The output format of all sentences of an instruction.

    Raises:
        InstructionError: They name different ones.
    """
    formats = {str(instruction.output_format) for instruction in instructions}
    if len(formats) > 1:
        raise InstructionError(f'The sentences of an instruction ask for {" and ".join(sorted(formats))}; all of them '
                               'must name one output tuple.')
    return instructions[0].output_format


def merge_groups(predictions: Sequence[InstanceData], class_counts: Sequence[int],
                 max_per_img: int | None) -> InstanceData:
    """Merge predictions for several groups of names, best first; labels count through all groups.

    Each group had its own softmax with its own no-object. The scores become those of one softmax over all names: the
    odds against no-object of all groups are normalized together, so that an image token has one class and scores are
    comparable across groups.

    Args:
        predictions: As of ``FormatQueryHead.predict``, one per group, of the same tokens.
        class_counts: Names of each group.
        max_per_img: At most that many, the best.
    """
    if len(predictions) == 1:
        return predictions[0]
    zeros = predictions[0].scores.new_zeros(1 + max(int(each.tuples.max()) for each in predictions))
    no_object = [(1 - zeros.index_add(0, each.tuples, each.scores)).clamp_min(MIN_NO_OBJECT) for each in predictions]
    normalizer = 1 + sum(1 / share - 1 for share in no_object)
    starts = [0, *accumulate(class_counts)]
    merged = InstanceData.cat(list(predictions))
    merged.scores = torch.cat([each.scores / (share * normalizer)[each.tuples]
                               for each, share in zip(predictions, no_object)])
    merged.labels = torch.cat([each.labels + start for each, start in zip(predictions, starts)])
    return merged[merged.scores.argsort(descending=True)[:max_per_img]]
