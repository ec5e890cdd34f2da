"""Expressions that only a colour tells apart: of several cars, "the red car"."""

from collections import defaultdict
from collections.abc import Iterator

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_overlaps, bbox_xyxy_to_cxcywh
from mmengine.dataset import pseudo_collate
from torch import Tensor

from visionllm.annotations.files import annotations_by_image
from visionllm.language import TASKS
from visionllm.language.colour_terms import COLOURS, PARTS, UPPER, WHOLE
from visionllm.models.connectors.box_colours import box_colours
from visionllm.models.samples import batch_pixel_mask

from .study import Study

HAS, HAS_NOT = 0.4, 0.15  # share of pixels from which on an object has a colour, and up to which it clearly has not
MIN_AREA = 0.01  # of an object, share of the image
SKIN = {'brown', 'pink'}  # no colours of clothes


def colours(study: Study) -> dict:
    """Share of expressions that are answered by a box with an IoU of 0.5, of objects that have a colour which no other
    object of their class in the image has: with the colour, and without it ("the car"). Colours of annotated boxes are
    measured as those of detections are: what is tested is whether the right one is found by them."""
    right, objects = defaultdict(list), annotations_by_image(study.truth)
    for index in range(len(study.dataset)):
        item = study.dataset[index]
        image = study.dataset.get_data_info(index)
        boxes, names = annotated_boxes(study, objects[image['img_id']])
        if not names:
            continue
        batch = study.model.data_preprocessor(pseudo_collate([item]))
        scale = boxes.new_tensor([image['width'], image['height']] * 2)
        mask = batch_pixel_mask(batch['inputs'], batch['data_samples'])
        shares = box_colours(batch['inputs'], mask, bbox_xyxy_to_cxcywh(boxes / scale)[None])[0]
        large = (boxes[:, 2:] - boxes[:, :2]).prod(1) >= MIN_AREA * image['width'] * image['height']
        for target, name, text in unique_colours(names, shares):
            if large[target]:
                for row, expression in (('with the colour', text), ('without', f'the {name}')):
                    right[row].append(best_overlap(study, item, expression, boxes[[target]]) >= 0.5)
    return dict(rows={row: dict(precision=100 * sum(found) / len(found)) for row, found in right.items()},
                expressions=len(right['without']))


def annotated_boxes(study: Study, own: list[dict]) -> tuple[Tensor, list[str]]:
    """Boxes ``float[n, 4]`` (xyxy in pixels) and class names of an image's annotations, without crowded classes."""
    names = {each['id']: each['name'] for each in study.truth['categories']}
    crowds = {each['category_id'] for each in own if each.get('iscrowd')}
    kept = [each for each in own if each['category_id'] not in crowds]
    boxes = torch.tensor([each['bbox'] for each in kept]).reshape(-1, 4)
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1), [names[each['category_id']] for each in kept]


def unique_colours(names: list[str], shares: Tensor) -> Iterator[tuple[int, str, str]]:
    """Index, class and expression of objects with a colour that no other of their class has.

    Args:
        names: Classes of n objects.
        shares: ``float[n, P, 11]``, of the colours of their parts.
    """
    for name in dict.fromkeys(names):
        members = [index for index, own in enumerate(names) if own == name]
        part, wording = (UPPER, 'the person in {}') if name == 'person' else (WHOLE, f'the {{}} {name}')
        for number, colour in enumerate(COLOURS):
            own = shares[members, PARTS.index(part), number]
            clear = len(members) > 1 and ((own >= HAS) | (own < HAS_NOT)).all() and (own >= HAS).sum() == 1
            if clear and not (part == UPPER and colour in SKIN):
                yield members[int(own.argmax())], name, wording.format(colour)


def best_overlap(study: Study, item: dict, expression: str, truth: Tensor) -> float:
    """IoU of the best answer to an expression about a dataset's item with the object ``float[1, 4]``; 0 for none."""
    sample: DetDataSample = item['data_samples'].new()
    sample.set_metainfo(dict(instruction=TASKS['grounding'].write_instruction([expression]), text=[expression]))
    answer, = study.model.test_step(pseudo_collate([item | dict(data_samples=sample)]))
    found = answer.pred_instances
    return float(bbox_overlaps(found.bboxes[[int(found.scores.argmax())]], truth)) if len(found) else 0.0
