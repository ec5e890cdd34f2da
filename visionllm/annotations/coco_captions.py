"""The strict reading of COCO's ``captions_*.json``, as ``coco_file`` reads objects."""

from pathlib import Path

from .coco_file import BAD_SIZE, NOT_A_RECORD, UNKNOWN_IMAGE, check_names, has_size
from .files import AnnotationError, read_json
from .findings import MEND, Findings, Kind, keep, read_numbers

BAD_CAPTION = Kind('annotations whose caption is not a text', MEND)


def read_caption_file(path: str | Path) -> dict:
    """The checked content of a file; repairs are counted in one line of the log.

    Raises:
        AnnotationError: The file does not exist, is not JSON, or has a fault; the message names the record and the
            remedy.
    """
    return checked_captions(path, read_json(path))


def checked_captions(path: str | Path, content: dict | list) -> dict:
    """As ``read_caption_file``, of a content that has been read from the path. Ids of captions are not checked, nor are
    images without a size."""
    if not isinstance(content, dict) or not all(isinstance(content.get(part), list)
                                                for part in ('images', 'annotations')):
        raise AnnotationError(f'{path} is not in COCO\'s format of captions: a record with the lists images and '
                              'annotations.')
    findings = Findings()
    images = check_names(content['images'], findings)
    images = keep(images, lambda image: image.get('width') is None and image.get('height') is None or has_size(image),
                  BAD_SIZE, findings)
    annotations = keep(content['annotations'], lambda record: isinstance(record, dict), NOT_A_RECORD, findings)
    read_numbers(annotations, ('image_id',), findings)
    ids = {image['id'] for image in images}
    annotations = keep(annotations, lambda ann: type(ann.get('image_id')) is int and ann['image_id'] in ids,
                       UNKNOWN_IMAGE, findings)
    annotations = keep(annotations, lambda ann: isinstance(ann.get('caption'), str), BAD_CAPTION, findings)
    findings.raise_faults(path)
    findings.log_repairs(path)
    return {**content, 'images': images, 'annotations': annotations}
