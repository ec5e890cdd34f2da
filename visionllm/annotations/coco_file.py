"""One strict reading of COCO's ``instances_*.json``, and of what is exported in its format.

A fault is what would make training wrong, or stop it at some later step. What a file lacks but implies is derived, and
what can only mean one thing is repaired and counted. Everything that reads COCO's layout reads it here.

Dimensions: n annotations.
"""

import math
from pathlib import Path

from visionllm.language import fault_in_class_name

from .coco_boxes import check_boxes
from .coco_masks import area_of_segmentation, repair_segmentation
from .files import AnnotationError, read_json
from .findings import MEND, Findings, Kind, describe, keep, keep_first, read_numbers, whole_number
from .image_files import compare_sizes, find_image_files

Record = dict
MAX_SIDE = 100_000  # pixels; a mask of a larger image would fill the memory

NOT_A_RECORD = Kind('entries that are not records', MEND)
BAD_IMAGE_ID = Kind('images without an id that is a whole number', 'Number the images, and refer to their numbers.')
SHARED_IMAGE_ID = Kind('images with the id of another one', 'Give each image an id of its own.')
NO_FILE_NAME = Kind('images without a file name', MEND)
BAD_SIZE = Kind(f'images without a width and height of 1 to {MAX_SIDE:,} pixels', 'Write the size of the image file.')
BAD_CATEGORY_ID = Kind('categories without an id that is a whole number', 'Number the categories.')
SHARED_CATEGORY_ID = Kind('categories with the id of another one', 'Give each category an id of its own.')
SHARED_NAME = Kind('categories with the name of another one', 'Merge them, or rename one.')
BAD_NAME = Kind('categories whose name cannot be part of an instruction', 'Rename them.')
BAD_ANNOTATION_ID = Kind('annotations whose id is not a whole number', 'Number the annotations.')
SHARED_ANNOTATION_ID = Kind('annotations with the id of another one', 'Give each annotation an id of its own.')
UNKNOWN_IMAGE = Kind('annotations of an image that is not in the file', MEND)
UNKNOWN_CATEGORY = Kind('annotations of a category that is not in the file',
                        'category_id must be the id of a category, not its name or position.')
BAD_MASK = Kind('annotations whose segmentation is neither polygons in the image nor a run-length code of its size',
                MEND)
BAD_CROWD = Kind('annotations whose iscrowd is neither 0 nor 1', 'Write 0 for an object, 1 for a crowd.')
BAD_KEYPOINTS = Kind('annotations with another number of keypoints than their category',
                     'x, y and v of each are needed.')

SPACES_IN_NAME = Kind('names of categories without the spaces around them')
NAME_OF_URL = Kind('file names are taken from the coco_url')
NUMBERED = Kind('annotations without an id are numbered')
FLAT_POLYGON = Kind('segmentations of points in brackets of their own, or of one polygon alone, are read as polygons')
NO_KEYPOINTS = Kind('objects without keypoints have none that is labelled')
COUNTED = Kind('num_keypoints are counted')
AREA = Kind('areas are computed')
IGNORED = Kind('objects marked "ignore" are skipped in training')


def read_coco_file(path: str | Path, folder: str | Path | None = None) -> dict:
    """The checked content of a file; repairs are counted in one line of the log.

    Args:
        path: Annotation file.
        folder: Of the images, of which the names and the sizes are compared with the files; None to read none.

    Raises:
        AnnotationError: The file does not exist, is not JSON, or has a fault; the message names the record and the
            remedy.
    """
    return checked_content(path, read_json(path), folder)


def checked_content(path: str | Path, content: dict | list, folder: str | Path | None = None) -> dict:
    """As ``read_coco_file``, of a content that has been read from the path."""
    findings = Findings()
    content = check_content(path, content, findings, folder)
    findings.raise_faults(path)
    findings.log_repairs(path)
    return content


def check_content(path: str | Path, content: dict | list, findings: Findings,
                  folder: str | Path | None = None) -> dict:
    """Check and repair the content of a file, in place.

    Args:
        path: For the message.
        findings: To which faults and repairs are added.
        folder: As of ``read_coco_file``.

    Returns:
        The content without the records that have a fault.

    Raises:
        AnnotationError: It is not COCO's layout.
    """
    parts = ('images', 'annotations', 'categories')
    if not isinstance(content, dict) or not all(isinstance(content.get(part), list) for part in parts):
        raise AnnotationError(f'{path} is not in COCO\'s format: a record with the lists images, annotations and '
                              'categories.')
    image_ids, category_ids = (_ids_of(content[part]) for part in ('images', 'categories'))
    images = check_images(content['images'], findings, folder)
    categories = _check_categories(content['categories'], findings)
    lost_images, lost_categories = image_ids - _ids_of(images), category_ids - _ids_of(categories)
    annotations = [ann for ann in content['annotations'] if not isinstance(ann, dict)  # a fault of its own
                   or whole_number(ann.get('image_id')) not in lost_images
                   and whole_number(ann.get('category_id')) not in lost_categories]
    annotations = _check_annotations(annotations, images, categories, findings)
    return {**content, 'images': images, 'categories': categories, 'annotations': annotations}


def check_images(images: list[Record], findings: Findings, folder: str | Path | None = None) -> list[Record]:
    """As ``check_content``, of the image records of any file in COCO's layout."""
    images = check_names(images, findings)
    if folder is not None:
        images = find_image_files(images, folder, findings)
    images = keep(images, has_size, BAD_SIZE, findings)
    return images if folder is None else compare_sizes(images, folder, findings)


def check_names(images: list[Record], findings: Findings) -> list[Record]:
    """The image records that have an id of their own and a file name."""
    images = keep(images, lambda record: isinstance(record, dict), NOT_A_RECORD, findings)
    read_numbers(images, ('id', 'width', 'height'), findings)
    images = keep(images, lambda image: _is_id(image.get('id')), BAD_IMAGE_ID, findings)
    images = keep_first(images, [image['id'] for image in images], SHARED_IMAGE_ID, findings)
    _name_by_url(images, findings)
    return keep(images, lambda image: isinstance(image.get('file_name'), str) and image['file_name'].strip(),
                NO_FILE_NAME, findings)


def _check_categories(categories: list[Record], findings: Findings) -> list[Record]:
    categories = keep(categories, lambda record: isinstance(record, dict), NOT_A_RECORD, findings)
    read_numbers(categories, ('id',), findings)
    categories = keep(categories, lambda category: type(category.get('id')) is int, BAD_CATEGORY_ID, findings)
    categories = keep_first(categories, [category['id'] for category in categories], SHARED_CATEGORY_ID, findings)
    categories = keep(categories, lambda category: isinstance(category.get('name'), str), BAD_NAME, findings)
    spaced = [category for category in categories if category['name'] != category['name'].strip()]
    for category in spaced:
        category['name'] = category['name'].strip()
    findings.report(SPACES_IN_NAME, map(describe, spaced))
    categories = keep(categories, lambda category: fault_in_class_name(category['name']) is None, BAD_NAME, findings)
    return keep_first(categories, [category['name'] for category in categories], SHARED_NAME, findings)


def _check_annotations(annotations: list[Record], images: list[Record], categories: list[Record],
                       findings: Findings) -> list[Record]:
    by_id = {image['id']: image for image in images}
    category_ids = {category['id'] for category in categories}
    kept = keep(annotations, lambda record: isinstance(record, dict), NOT_A_RECORD, findings)
    read_numbers(kept, ('id', 'image_id', 'category_id'), findings)
    kept = keep(kept, lambda ann: type(ann.get('id', 0)) is int, BAD_ANNOTATION_ID, findings)
    _number(kept, findings)
    kept = keep_first(kept, [ann['id'] for ann in kept], SHARED_ANNOTATION_ID, findings)
    kept = keep(kept, lambda ann: _is_hashable(ann.get('image_id')) and ann.get('image_id') in by_id, UNKNOWN_IMAGE,
                 findings)
    kept = keep(kept, lambda ann: type(ann.get('category_id')) is int and ann['category_id'] in category_ids,
                 UNKNOWN_CATEGORY, findings)
    kept = keep(kept, lambda ann: ann.setdefault('iscrowd', 0) in (0, 1), BAD_CROWD, findings)
    kept = _check_masks(kept, by_id, findings)
    kept = check_boxes(kept, by_id, findings)
    kept = _check_keypoints(kept, categories, findings)
    _compute_areas(kept, by_id, findings)
    findings.report(IGNORED, (describe(ann) for ann in kept if ann.get('ignore')))
    return kept


def _check_masks(annotations: list[Record], images: dict[int, Record], findings: Findings) -> list[Record]:
    """Segmentations are polygons ``[x1, y1, ...]`` or run-length codes; those that hold nothing are removed."""
    kept, bad, flattened = [], [], []
    for ann in annotations:
        if not ann.get('segmentation'):
            ann.pop('segmentation', None)
            kept.append(ann)
            continue
        image = images[ann['image_id']]
        segmentation = repair_segmentation(ann['segmentation'], image['height'], image['width'])
        (bad if segmentation is None else kept).append(ann)
        if segmentation is not None and segmentation is not ann['segmentation']:
            ann['segmentation'] = segmentation
            flattened.append(ann)
    findings.report(BAD_MASK, map(describe, bad))
    findings.report(FLAT_POLYGON, map(describe, flattened))
    return kept


def _check_keypoints(annotations: list[Record], categories: list[Record], findings: Findings) -> list[Record]:
    """Objects of categories with keypoints have as many; none is labelled of those without."""
    numbers = {category['id']: len(category['keypoints']) for category in categories
               if isinstance(category.get('keypoints'), list) and category['keypoints']}
    if not any('keypoints' in ann for ann in annotations):
        return annotations
    with_points = [ann for ann in annotations if ann['category_id'] in numbers]
    without = [ann for ann in with_points if not ann.get('keypoints')]
    for ann in without:
        ann.update(keypoints=[0] * 3 * numbers[ann['category_id']], num_keypoints=0)
    findings.report(NO_KEYPOINTS, map(describe, without))
    kept = keep(annotations, lambda ann: ann['category_id'] not in numbers
                or _are_points(ann['keypoints'], numbers[ann['category_id']]), BAD_KEYPOINTS, findings)
    uncounted = [ann for ann in kept if ann['category_id'] in numbers and type(ann.get('num_keypoints')) is not int]
    for ann in uncounted:
        ann['num_keypoints'] = sum(v > 0 for v in ann['keypoints'][2::3])
    findings.report(COUNTED, map(describe, uncounted))
    return kept


def _are_points(values: object, number: int) -> bool:
    return type(values) is list and len(values) == 3 * number and {*map(type, values)} <= {int, float}


def _compute_areas(annotations: list[Record], images: dict[int, Record], findings: Findings) -> None:
    missing = [ann for ann in annotations if not _is_positive(ann.get('area'))]
    for ann in missing:
        image = images[ann['image_id']]
        area = area_of_segmentation(ann.get('segmentation'), image['height'], image['width'])
        ann['area'] = area or ann['bbox'][2] * ann['bbox'][3]
    findings.report(AREA, map(describe, missing))


def _ids_of(records: list) -> set[int]:
    """The whole numbers that are ids of any of the records."""
    return {whole_number(record.get('id')) for record in records if isinstance(record, dict)} - {None}


def _number(annotations: list[Record], findings: Findings) -> None:
    """Give annotations without an id, all of them or some, one that is free."""
    without = [ann for ann in annotations if 'id' not in ann]
    last = max((ann['id'] for ann in annotations if 'id' in ann), default=0)
    for number, ann in enumerate(without, last + 1):
        ann['id'] = number
    findings.report(NUMBERED, map(describe, without))


def _name_by_url(images: list[Record], findings: Findings) -> None:
    """LVIS names an image by its URL; the file is in the folder of the last two parts."""
    without = [image for image in images if 'file_name' not in image and isinstance(image.get('coco_url'), str)]
    for image in without:
        image['file_name'] = '/'.join(image['coco_url'].split('/')[-2:])
    findings.report(NAME_OF_URL, map(describe, without))


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_hashable(value: object) -> bool:
    return not isinstance(value, (list, dict))


def has_size(image: Record) -> bool:
    """Whether an image record has a possible width and height."""
    sides = image.get('width'), image.get('height')
    return all(type(side) is int and 0 < side <= MAX_SIDE for side in sides)


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf
