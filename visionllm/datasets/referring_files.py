"""Readers of files of referring expressions; the format is detected from the content.

Each reader returns one sample per expression (see ``visionllm.datasets.sentences``): ``file_name``, ``img_id``,
``height``, ``width``, ``expression``, ``relation``, ``split`` and ``instances``, the objects referred to, with boxes
xyxy in pixels, and polygons if the file has masks.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path

from visionllm.annotations.coco_file import checked_content, read_coco_file
from visionllm.annotations.coco_masks import box_to_polygon, segmentation_to_polygons
from visionllm.annotations.files import (
    AnnotationError,
    by_id,
    check_references,
    describe_missing,
    read_json,
    record_keys,
)

from .coco_expressions import generate_expressions
from .image_instances import instances_by_image


class _PlainUnpickler(pickle.Unpickler):
    """Unpickler of lists, dicts, numbers and text.

    A pickle can run code only through the objects that ``find_class`` returns, and here it always raises.
    """

    def find_class(self, module: str, name: str) -> None:
        raise pickle.UnpicklingError(f'it asks for {module}.{name}')


def read_plain_pickle(path: str | Path) -> dict | list:
    """Read a pickle of plain containers, such as RefCOCO's ``refs(unc).p``, without running any code in it.

    Raises:
        AnnotationError: The file does not exist, is damaged, or holds anything else.
    """
    try:
        with open(path, 'rb') as file:
            # Python 2 pickles hold text as bytes; invalid UTF-8 is replaced, so that one bad byte costs one character
            return _PlainUnpickler(file, encoding='utf-8', errors='replace').load()
    except FileNotFoundError:
        raise AnnotationError(describe_missing(Path(path))) from None
    except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, ValueError, TypeError, OverflowError,
            MemoryError) as error:  # as documented for damaged pickles
        raise AnnotationError(f'{path} was not read: it is no pickle of plain lists and dicts, and anything else can '
                              f'run code ({error or type(error).__name__}).') from None


def read_content(path: str | Path) -> dict | list:
    """Read JSON, JSON lines, or a pickle of plain containers.

    Raises:
        AnnotationError: The file does not exist or cannot be read.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(64).removeprefix(b'\xef\xbb\xbf').lstrip()
    except FileNotFoundError:
        raise AnnotationError(describe_missing(Path(path))) from None
    return read_json(path) if start[:1] in b'[{' else read_plain_pickle(path)  # no pickle starts with [ or {


def read_expressions(path: str | Path, instances_file: str | Path | None = None,
                     with_other_objects: bool = False, held_out: bool = False) -> list[dict]:
    """Read a file of referring expressions, one sample per expression.

    - ``refs(unc).p`` beside ``instances.json``: RefCOCO, RefCOCO+ and RefCOCOg as published (a pickle, or the same as
      JSON), and gRefCOCO, whose expressions can mean several objects, or none;
    - MDETR's JSON (``finetune_refcoco_train.json``): COCO's layout, where the ``caption`` of an image is the
      expression;
    - records, as a list or as JSON lines: ``expression``, ``image_id``, ``height``, ``width``, ``img_path`` or
      ``image``, and ``bbox`` or ``bbox_xyxy`` (both xyxy; null if no object matches);
    - ``expressions_SPLIT.json`` beside ``instances_SPLIT.json``: the synthetic scenes, and what
      ``tools/refer_to_coco.py`` writes;
    - COCO's ``instances_SPLIT.json`` itself: expressions are generated from its boxes.

    Args:
        path: File of expressions.
        instances_file: Objects that ``refs(unc).p`` and the scenes' expressions refer to; the file beside it if None.
        with_other_objects: Add the other objects of the image as instances to ignore, if there is a file of objects.
        held_out: Generate expressions in wordings that are not for training.

    Raises:
        AnnotationError: The file has another format.
        KeyError, LookupError, TypeError: A record lacks a key, or refers to a record that does not exist
            (``sentences.record_errors`` adds the file name).
    """
    path, content = Path(path), read_content(path)
    if isinstance(content, dict) and 'expression' in content:
        content = [content]  # JSON lines with one line
    if 'sentences' in record_keys(content):
        return from_refs(content, read_coco_file(instances_file or path.with_name('instances.json')),
                         with_other_objects)
    if 'expression' in record_keys(content):
        return [from_record(record) for record in content]
    if 'expression' in record_keys(content, 'annotations'):
        default = path.with_name(path.name.replace('expressions', 'instances', 1))
        return from_scenes(content['annotations'], read_coco_file(instances_file or default), with_other_objects)
    if 'caption' in record_keys(content, 'images'):
        return from_mdetr(content)
    if 'category_id' in record_keys(content, 'annotations'):
        content = checked_content(path, content)
        return from_scenes(generate_expressions(content, held_out)['annotations'], content, with_other_objects)
    raise AnnotationError(f'{path} holds no referring expressions: it is neither RefCOCO\'s refs, nor MDETR\'s JSON, '
                          'nor COCO\'s instances, nor a list or lines of records with an expression.')


def from_refs(refs: list[dict], instances: dict, with_other_objects: bool = False) -> list[dict]:
    """Samples of RefCOCO's ``refs``, each with several sentences about one object of ``instances``."""
    images, objects = by_id(instances['images']), by_id(instances['annotations'])
    referents = [_referents(ref['ann_id']) for ref in refs]
    check_references([index for each in referents for index in each], objects, 'an object')
    check_references([ref['image_id'] for ref in refs], images, 'an image')
    others = instances_by_image(instances) if with_other_objects else {}
    return [
        # ``sent`` is the published, cleaned form of ``raw``
        _sample(images[ref['image_id']], sentence.get('sent', sentence.get('raw')), [objects[i] for i in each],
                split=ref['split'], others=others.get(ref['image_id'], ()))
        for ref, each in zip(refs, referents) for sentence in ref['sentences']
    ]


def _referents(ann_id: int | list[int]) -> list[int]:
    """The objects that a ref means: one, or in gRefCOCO several, or with -1 none."""
    return [index for index in (ann_id if isinstance(ann_id, list) else [ann_id]) if index != -1]


def from_mdetr(content: dict) -> list[dict]:
    """Samples of MDETR's JSON, whose image records are one per expression, with COCO's id as ``original_id``."""
    objects: dict[int, list] = {}
    for ann in content['annotations']:
        objects.setdefault(ann['image_id'], []).append(ann)
    check_references(list(objects), by_id(content['images']), 'an image')
    return [
        _sample({**image, 'id': image.get('original_id', image['id'])}, image['caption'], objects.get(image['id'], []))
        for image in content['images']
    ]


def from_record(record: dict) -> dict:
    """Sample of a self-contained record; a box of null means that no object matches."""
    box = record['bbox_xyxy'] if 'bbox_xyxy' in record else record['bbox']
    name = record['img_path'] if 'img_path' in record else record['image']
    image = dict(id=record['image_id'], file_name=name, height=record['height'], width=record['width'])
    sample = _sample(image, record['expression'], [], bool(record.get('relation')), record.get('split'))
    return sample if box is None else {**sample, 'instances': [_instance(list(box))]}


def from_scenes(records: list[dict], instances: dict, with_other_objects: bool = False) -> list[dict]:
    """Samples of the synthetic scenes' expressions, each about one object of ``instances``."""
    images, objects = by_id(instances['images']), by_id(instances['annotations'])
    check_references([record['ann_id'] for record in records], objects, 'an object')
    check_references([record['image_id'] for record in records], images, 'an image')
    others = instances_by_image(instances) if with_other_objects else {}
    return [
        _sample(images[record['image_id']], record['expression'], [objects[record['ann_id']]],
                bool(record.get('relation')), others=others.get(record['image_id'], ())) for record in records
    ]


def _sample(image: dict, expression: str, referents: list[dict], relation: bool = False,
            split: str | None = None, others: Sequence[dict] = ()) -> dict:
    """Sample of a COCO image record and COCO annotations of it: the referents, and other objects to ignore."""
    instances = [_from_coco(ann, image) for ann in referents]
    referent_ids = {ann['id'] for ann in referents if others}
    instances += [{**_from_coco(ann, image), 'ignore_flag': 1} for ann in others if ann['id'] not in referent_ids]
    # a list, not a generator: the key is to be removed from every instance
    has_box_as_mask = any([instance.pop('box_as_mask', False) for instance in instances])
    return dict(
        file_name=image['file_name'],
        img_id=image['id'],
        height=image['height'],
        width=image['width'],
        instances=instances,
        expression=expression,
        relation=relation,
        split=split,
        note='an object has no polygon of three points and its box is used' if has_box_as_mask else None)


def _from_coco(ann: dict, image: dict) -> dict:
    """MMDetection instance of a COCO annotation; ``box_as_mask`` says whether the box stands for a missing mask."""
    x, y, width, height = ann['bbox']
    instance = _instance([x, y, x + width, y + height])
    if 'segmentation' not in ann:
        return instance
    polygons = segmentation_to_polygons(ann['segmentation'], image['height'], image['width'])
    return {**instance, 'mask': polygons or [box_to_polygon(ann['bbox'])], 'box_as_mask': not polygons}


def _instance(box: list[float]) -> dict:
    return dict(bbox=box, bbox_label=0, ignore_flag=0)  # label 0: the expression is the only class
