"""Access to the instructions and the ground truth in MMDetection's data samples.

Dimensions: B images, G ground truth objects.
"""

from collections.abc import Iterator, Sequence

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh, get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

from visionllm.language import Instruction, InstructionError, instruction_sentences, parse_instruction
from visionllm.structures import Target

Samples = list[DetDataSample]


def batch_pixel_mask(batch_inputs: Tensor, samples: Samples) -> Tensor:
    """Mask ``bool[B, height, width]`` of padded images ``float[B, 3, height, width]``: True = real pixel."""
    masks = torch.zeros(len(samples), *batch_inputs.shape[-2:], dtype=torch.bool, device=batch_inputs.device)
    for mask, sample in zip(masks, samples):
        mask[:sample.img_shape[0], :sample.img_shape[1]] = True
    return masks


def iter_sentences(samples: Samples) -> Iterator[tuple[list[int], Samples]]:
    """Split instructions of several sentences into batches with one sentence per sample.

    Yields:
        For i = 0, 1, ...: the indices of the samples that have a sentence i, and copies of these samples with it as
        their instruction.
    """
    sentences = [instruction_sentences(get_instruction_text(sample)) for sample in samples]
    for i in range(max(map(len, sentences))):
        index = [b for b, each in enumerate(sentences) if i < len(each)]
        yield index, [samples[b].new(metainfo=dict(samples[b].metainfo, instruction=sentences[b][i])) for b in index]


def get_instruction(sample: DetDataSample) -> Instruction:
    """A sample's parsed instruction.

    Raises:
        InstructionError: The sample has none, one of several sentences, or an invalid one.
    """
    instruction = get_instruction_text(sample)
    if not isinstance(instruction, str):
        raise InstructionError(f'A sample has an instruction of {len(instruction)} sentences, which is supported in '
                               'inference only. Give the training dataloader the instruction_collate function, which '
                               'samples one sentence.')
    return parse_instruction(instruction)


def get_instruction_text(sample: DetDataSample) -> str | Sequence[str]:
    """A sample's instruction of one or several sentences.

    Raises:
        InstructionError: The sample has none.
    """
    if 'instruction' not in sample:
        raise InstructionError('A sample has no instruction. Add dict(type=\'WriteInstruction\') to the '
                               'pipeline, or the instruction_collate function to the training dataloader.')
    return sample.instruction


def referring_text(sample: DetDataSample) -> str:
    """The class names or the referring expression of a sample's instruction; the whole instruction if it has none."""
    return ', '.join(get_instruction(sample).read_names) or sample.instruction


def build_target(sample: DetDataSample) -> Target:
    """A sample's ground truth, in [0, 1] of the resized image's width and height."""
    texts, names = {key: tuple(sample.get(key, ())) for key in ('turns', 'captions')}, tuple(sample.text)
    objects = sample.gt_instances
    if 'bboxes' not in objects:
        empty = torch.zeros(0, 4)
        return Target(empty, empty[:, 0].long(), empty[:, None, :2], empty[:, None, :2], names, annotated=False,
                      **texts)
    boxes = normalized_boxes(sample, objects)
    size = boxes.new_tensor(sample.img_shape[::-1])
    points, contours = (objects[key] / size if key in objects else boxes.new_zeros(len(boxes), 0, 2)
                        for key in ('points', 'contours'))
    unverified_names = frozenset(names) - set(sample.get('verified_names', names))
    target = Target(boxes, objects.labels, points, contours, names, names_are_classes='expression' not in sample,
                    unverified_names=unverified_names, **texts)
    # objects that an expression does not refer to are ignored in MMDetection's samples, and yet background
    if target.names_are_classes and 'bboxes' in sample.get('ignored_instances', ()):
        target.ignored_boxes = normalized_boxes(sample, sample.ignored_instances)
    return target


def normalized_boxes(sample: DetDataSample, objects: InstanceData) -> Tensor:
    """Boxes ``float[G, 4]`` of a sample's objects: cxcywh in [0, 1] of the resized image's width and height."""
    boxes = get_box_tensor(objects.bboxes)
    return bbox_xyxy_to_cxcywh(boxes) / boxes.new_tensor(sample.img_shape[::-1]).repeat(2)
