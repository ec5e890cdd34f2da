"""Tuples in pixels and in the dataset's labels, those of several sentences as one answer."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from visionllm.language import Instruction, InstructionError, check_class_names
from visionllm.structures.polygons import fill_rings

LEAST = 1e-6  # that is left of "nothing" where a name is certain


def put_tuples(sample: DetDataSample, instructions: Sequence[Instruction], answers: Sequence[InstanceData],
               rescale: bool, max_per_img: int | None = None) -> None:
    """Put answers into a sample, as one: in pixels of the original picture, labels of the dataset; outlines as masks,
    points that have names as keypoints.

    Args:
        sample: Receives ``pred_instances``.
        instructions: One, or several that name a group of the classes each.
        answers: To each of them.
        rescale: To the original picture, not the resized one.
        max_per_img: At most that many, the best.

    Raises:
        InstructionError: The instructions do not belong together, or name a class that the sample does not know.
    """
    names = [name for instruction in instructions for name in instruction.class_names]
    check_class_names(names)
    formats = {str(instruction.output_format) for instruction in instructions}
    if len(formats) > 1:
        raise InstructionError(f'The sentences of an instruction ask for {" and ".join(sorted(formats))}; all of them '
                               'must name one output tuple.')
    answer = as_one(answers, [len(instruction.class_names) for instruction in instructions], max_per_img)
    height, width = sample.img_shape
    size = answer.bboxes.new_tensor([width, height])
    if rescale:
        size = size / answer.bboxes.new_tensor(sample.scale_factor)
    answer.bboxes = answer.bboxes * size.repeat(2)
    answer.points = answer.points * size
    if instructions[0].output_format.is_named:
        answer.keypoints = answer.points
    if instructions[0].output_format.is_outline:
        shape = sample.ori_shape if rescale else sample.img_shape
        answer.masks = torch.from_numpy(fill_rings(answer.points.detach().cpu().numpy(), *shape[:2]))
    place = {name: k for k, name in enumerate(sample.text)}
    unknown = [name for name in names if name not in place]
    if unknown:
        raise InstructionError(f'The instruction names {", ".join(unknown[:5])}, which the sample\'s classes '
                               f'({", ".join(sample.text[:5])}, ...) do not hold.')
    table = torch.tensor([place[name] for name in names], device=answer.labels.device)
    answer.labels = table[answer.labels]
    sample.pred_instances = answer


def as_one(answers: Sequence[InstanceData], class_counts: Sequence[int], max_per_img: int | None) -> InstanceData:
    """One answer of those to several groups of names, best first; labels count through all of them.

    An image token was asked once a group, and each time "none of these" could be its answer. Its scores become what
    one softmax over all names would give: its odds against nothing, of all groups, are weighed together. So a token
    says one thing with certainty, and scores can be compared across groups.

    Args:
        answers: As ``FormatQueryHead.predict`` gives them, one a group, of the same tokens.
        class_counts: Names of each group.
        max_per_img: At most that many, the best.
    """
    if len(answers) == 1:
        return answers[0]
    none_named = answers[0].scores.new_zeros(1 + max(int(answer.tuples.max()) for answer in answers))
    nothing = [(1 - none_named.index_add(0, answer.tuples, answer.scores)).clamp_min(LEAST) for answer in answers]
    against_nothing = 1 + sum(1 / share - 1 for share in nothing)
    starts = [0, *accumulate(class_counts)]
    whole = InstanceData.cat(list(answers))
    whole.scores = torch.cat([answer.scores / (share * against_nothing)[answer.tuples]
                              for answer, share in zip(answers, nothing)])
    whole.labels = torch.cat([answer.labels + start for answer, start in zip(answers, starts)])
    return whole[whole.scores.argsort(descending=True)[:max_per_img]]
