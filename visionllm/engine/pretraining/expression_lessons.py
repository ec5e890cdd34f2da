"""What is learned of an image by the guidance of expressions: one expression, and the boxes that it means.

Dimensions: G objects.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor

from visionllm.datasets.coco_expressions import choose_evenly, expressions, put_into_words
from visionllm.models.samples import build_target, referring_text
from visionllm.structures import Target

from .random_layout import RandomLayout

ONLY_SHARE = 0.08  # of expressions that need no guidance: there is one object of the class


@dataclass(frozen=True)
class ExpressionLesson:
    """An expression, the boxes of what it means, and the layout of these boxes."""
    expression: str
    boxes: Tensor  # float[G, 4] cxcywh in [0, 1]
    layout: Callable[[Tensor], Tensor]  # of the image's other boxes


def draw_lesson(sample: DetDataSample, rng: np.random.Generator) -> ExpressionLesson:
    """The expression of a sample that has one; of a sample with objects of named classes a new one, in a new layout."""
    target = build_target(sample)
    if not target.names_are_classes:
        return ExpressionLesson(referring_text(sample), target.boxes, lambda boxes: boxes)
    layout = RandomLayout.draw(rng)
    return write_lesson(target, layout, rng)


def write_lesson(target: Target, layout: RandomLayout, rng: np.random.Generator) -> ExpressionLesson:
    """An expression about the objects in a layout, of a random kind that tells one of them apart. Where nothing does,
    or a crowd is among them, it is a class of theirs, which means all of its objects."""
    boxes, names = layout(target.boxes), [target.names[label] for label in target.labels.tolist()]
    found = list(expressions(names, [tuple(box) for box in bbox_cxcywh_to_xyxy(boxes).tolist()]))
    if not found or len(target.ignored_boxes):
        name = str(rng.choice(names or target.names))
        return ExpressionLesson(f'the {name}', boxes[[own == name for own in names]], layout)
    one_of_several = [each for each in found if each.kind != 'only']
    chosen, = choose_evenly(found if rng.random() < ONLY_SHARE else one_of_several or found, 1, rng)
    text = put_into_words(chosen, names[chosen.index], held_out=False, rng=rng)
    return ExpressionLesson(text, boxes[[chosen.index]], layout)
