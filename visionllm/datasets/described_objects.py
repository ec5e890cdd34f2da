"""Which objects are in a picture that somebody talks about, and what they are called.

Words are learned from pictures sooner where it is known what is in them: a file of captions or questions can have a
COCO file of objects beside it.
"""

from pathlib import Path

from .sentences import by_id, objects_by_picture, read_json, require_known


def add_objects(samples: list[dict], instances_file: str | Path | None) -> None:
    """Give samples ``instances`` (boxes xyxy in pixels) and ``text``, the names of the objects in their own picture.

    Crowds, and boxes that are empty or outside their picture, are left out. Without a file nothing is added: such
    samples' objects are not known.

    Raises:
        LookupError: A picture is not in the file (``sentences.record_errors`` names the other file).
    """
    if instances_file is None:
        return
    content = read_json(instances_file)
    require_known([sample['img_id'] for sample in samples], by_id(content['images']), f'a picture of {instances_file}')
    called = {category['id']: category['name'] for category in content['categories']}
    objects = objects_by_picture(content)
    for sample in samples:
        found = objects.get(sample['img_id'], [])
        names = sorted({called[ann['category_id']] for ann in found})
        sample['text'] = tuple(names)
        sample['instances'] = [_instance(ann['bbox'], names.index(called[ann['category_id']])) for ann in found]


def _instance(box: list[float], label: int) -> dict:
    x, y, width, height = box
    return dict(bbox=[x, y, x + width, y + height], bbox_label=label, ignore_flag=0)
