"""Object annotations for samples of captions and conversations, from a COCO instances file of the same images."""

from pathlib import Path

import numpy as np

from visionllm.annotations import read_coco_file
from visionllm.annotations.coco_boxes import are_outside
from visionllm.annotations.files import by_id, check_references


def add_instances(samples: list[dict], instances_file: str | Path | None) -> None:
    """Set ``instances`` (boxes xyxy in pixels) and ``text``, the class names of the objects of the image, in place.

    Crowds, and boxes that are empty or outside their image, are skipped.

    Args:
        samples: Samples with ``img_id``.
        instances_file: COCO instances file; samples stay as they are if None.

    Raises:
        LookupError: An image is not in the file (``sentences.record_errors`` adds the name of the other file).
    """
    if instances_file is None:
        return
    content = read_coco_file(instances_file)
    image_ids = [sample['img_id'] for sample in samples]
    check_references(image_ids, by_id(content['images']), f'an image of {instances_file}')
    category_names = {category['id']: category['name'] for category in content['categories']}
    annotations = instances_by_image(content)
    for sample in samples:
        anns = annotations.get(sample['img_id'], [])
        names = sorted({category_names[ann['category_id']] for ann in anns})
        sample['text'] = tuple(names)
        sample['instances'] = [_instance(ann['bbox'], names.index(category_names[ann['category_id']])) for ann in anns]


def _instance(box: list[float], label: int) -> dict:
    """MMDetection instance of an xywh box."""
    x, y, width, height = box
    return dict(bbox=[x, y, x + width, y + height], bbox_label=label, ignore_flag=0)


def instances_by_image(content: dict) -> dict[int, list[dict]]:
    """COCO annotations by image id, without crowds and boxes that are empty or outside their image."""
    if not content['annotations']:
        return {}
    sizes = {image['id']: (image['width'], image['height']) for image in content['images']}
    outside = are_outside(np.array([ann['bbox'] for ann in content['annotations']], float),
                          np.array([sizes[ann['image_id']] for ann in content['annotations']], float))
    instances: dict[int, list[dict]] = {}
    for ann, is_outside in zip(content['annotations'], outside):
        if not ann['iscrowd'] and not is_outside:
            instances.setdefault(ann['image_id'], []).append(ann)
    return instances
