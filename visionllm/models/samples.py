"""What MMDetection's samples hold for a model that is told what to do: pictures, instructions, the truth."""

from collections.abc import Iterator, Sequence

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh, get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

from visionllm.language import Instruction, InstructionError, parse_instruction, sentences_of
from visionllm.structures import Target

Samples = list[DetDataSample]


def real_pixels(batch_inputs: Tensor, samples: Samples) -> Tensor:
    """Where padded pictures are pictures: ``bool[B, height, width]``."""
    real = torch.zeros(len(samples), *batch_inputs.shape[-2:], dtype=torch.bool, device=batch_inputs.device)
    for mask, sample in zip(real, samples):
        mask[:sample.img_shape[0], :sample.img_shape[1]] = True
    return real


def turns(samples: Samples) -> Iterator[tuple[list[int], Samples]]:
    """All samples with the first sentence of their instruction; then those that have a second, with that; and so on."""
    sentences = [sentences_of(written_instruction(sample)) for sample in samples]
    for turn in range(max(map(len, sentences))):
        some = [i for i, each in enumerate(sentences) if turn < len(each)]
        yield some, [samples[i].new(metainfo=dict(samples[i].metainfo, instruction=sentences[i][turn])) for i in some]


def instruction_of(sample: DetDataSample) -> Instruction:
    """A sample's instruction of one sentence, read."""
    instruction = written_instruction(sample)
    if not isinstance(instruction, str):
        raise InstructionError(f'A sample has an instruction of {len(instruction)} sentences, which can be answered '
                               'but not learned from. Give the training dataloader the instruction_collate function, '
                               'which draws one.')
    return parse_instruction(instruction)


def written_instruction(sample: DetDataSample) -> str | Sequence[str]:
    """A sample's instruction."""
    if 'instruction' not in sample:
        raise InstructionError('A sample carries no instruction. Add dict(type=\'WriteInstruction\') to the '
                               'pipeline, or the instruction_collate function to the training dataloader.')
    return sample.instruction


def asked_for(sample: DetDataSample) -> str:
    """The part of a sample's instruction that says what is meant: its names; all of it where it has none."""
    return ', '.join(instruction_of(sample).class_names) or sample.instruction


def target_of(sample: DetDataSample) -> Target:
    """A sample's truth, in [0, 1] of the resized picture."""
    said, names = tuple(sample.get('turns', ())), tuple(sample.text)
    objects = sample.gt_instances
    if 'bboxes' not in objects:
        nothing = torch.zeros(0, 4)
        return Target(nothing, nothing[:, 0].long(), nothing[:, None, :2], nothing[:, None, :2], names,
                      annotated=False, turns=said)
    boxes = boxes_in(sample, objects)
    size = boxes.new_tensor(sample.img_shape[::-1])
    points, rings = (objects[key] / size if key in objects else boxes.new_zeros(len(boxes), 0, 2)
                     for key in ('points', 'rings'))
    unchecked = frozenset(names) - set(sample.get('checked', names))
    return Target(boxes, objects.labels, points, rings, names, are_words='expression' not in sample,
                  unchecked=unchecked, turns=said)


def boxes_in(sample: DetDataSample, objects: InstanceData) -> Tensor:
    """Boxes ``float[G, 4]`` of a sample's objects: cxcywh in [0, 1] of the resized picture."""
    boxes = get_box_tensor(objects.bboxes)
    return bbox_xyxy_to_cxcywh(boxes) / boxes.new_tensor(sample.img_shape[::-1]).repeat(2)
