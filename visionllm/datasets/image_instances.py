"""Object annotations for samples of captions and conversations, from a COCO instances file of the same images."""

from pathlib import Path

from .sentences import by_id, check_references, instances_by_image, read_json


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
    content = read_json(instances_file)
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
