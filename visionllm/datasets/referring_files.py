"""Readers of referring expressions, one a format; which one a file has is told by its content.

Each gives one sample an expression (``visionllm.datasets.sentences``): ``file_name``, ``img_id``, ``height``,
``width``, ``expression``, ``relation``, ``split`` and ``instances``, the objects meant: boxes xyxy in pixels, and
polygons where the file has outlines.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path

from .coco import AnnotationError, box_ring, outline_parts
from .sentences import by_id, objects_by_picture, read_json, record_keys, require_known


class _Containers(pickle.Unpickler):
    """Lists, dicts, numbers and text. A pickle runs code only through what ``find_class`` returns: nothing."""

    def find_class(self, module: str, name: str) -> None:
        raise pickle.UnpicklingError(f'it asks for {module}.{name}')


def read_plain_pickle(path: str | Path) -> dict | list:
    """A pickle of plain containers, such as RefCOCO's ``refs(unc).p``; no code of it is run.

    Raises:
        AnnotationError: It holds anything else, or is damaged.
    """
    try:
        with open(path, 'rb') as file:
            # written by Python 2, whose text comes as bytes: a stray byte costs a letter, not the file
            return _Containers(file, encoding='utf-8', errors='replace').load()
    except FileNotFoundError:
        raise AnnotationError(f'{path} does not exist.') from None
    except (pickle.UnpicklingError, EOFError, AttributeError, LookupError, ValueError, TypeError, OverflowError,
            MemoryError) as error:  # what the module's documentation says that a damaged pickle may raise
        raise AnnotationError(f'{path} was not read: it is no pickle of plain lists and dicts, and anything else can '
                              f'run code ({error or type(error).__name__}).') from None


def read_content(path: str | Path) -> dict | list:
    """JSON, JSON lines, or a pickle of plain containers."""
    try:
        with open(path, 'rb') as file:
            start = file.read(64).removeprefix(b'\xef\xbb\xbf').lstrip()
    except FileNotFoundError:
        raise AnnotationError(f'{path} does not exist.') from None
    return read_json(path) if start[:1] in b'[{' else read_plain_pickle(path)  # no pickle starts with a bracket


def read_expressions(path: str | Path, instances_file: str | Path | None = None, others: bool = False) -> list[dict]:
    """Samples of a file of expressions.

    - ``refs(unc).p`` beside ``instances.json``: RefCOCO, RefCOCO+ and RefCOCOg as published (a pickle, or the same as
      JSON);
    - MDETR's JSON (``finetune_refcoco_train.json``): COCO's layout, where a picture's ``caption`` is the expression;
    - records, as a list or as lines: ``expression``, ``image_id``, ``height``, ``width``, ``img_path`` or ``image``,
      and ``bbox`` or ``bbox_xyxy`` (both xyxy; null where nothing in the picture fits);
    - ``expressions_SPLIT.json`` beside ``instances_SPLIT.json``: the scenes' own.

    Args:
        path: The file.
        instances_file: Objects that ``refs(unc).p`` and the scenes' expressions point to; the file beside it if None.
        others: Add the other objects of the same picture, where a file of objects knows them, as instances to ignore.

    Raises:
        AnnotationError: No such format.
        KeyError, LookupError, TypeError: A record lacks something, or points to what is not there
            (``sentences.record_errors`` names the file).
    """
    path, content = Path(path), read_content(path)
    if isinstance(content, dict) and 'expression' in content:
        content = [content]  # one line
    if 'sentences' in record_keys(content):
        return from_refs(content, read_json(instances_file or path.with_name('instances.json')), others)
    if 'expression' in record_keys(content):
        return [from_record(record) for record in content]
    if 'expression' in record_keys(content, 'annotations'):
        beside = path.with_name(path.name.replace('expressions', 'instances', 1))
        return from_scenes(content['annotations'], read_json(instances_file or beside), others)
    if 'caption' in record_keys(content, 'images'):
        return from_mdetr(content)
    raise AnnotationError(f'{path} holds no referring expressions: it is neither RefCOCO\'s refs, nor MDETR\'s JSON, '
                          'nor a list or lines of records with an expression.')


def from_refs(refs: list[dict], instances: dict, others: bool = False) -> list[dict]:
    """RefCOCO's ``refs``: several sentences for one object of ``instances``."""
    images, objects = by_id(instances['images']), by_id(instances['annotations'])
    require_known([ref['ann_id'] for ref in refs], objects, 'an object')
    require_known([ref['image_id'] for ref in refs], images, 'a picture')
    around = objects_by_picture(instances) if others else {}
    return [
        # ``sent`` is the published, cleaned form of ``raw``
        _sample(images[ref['image_id']], sentence.get('sent', sentence.get('raw')), [objects[ref['ann_id']]],
                split=ref['split'], others=around.get(ref['image_id'], ()))
        for ref in refs for sentence in ref['sentences']
    ]


def from_mdetr(content: dict) -> list[dict]:
    """MDETR's JSON: a picture once for every expression, its own id under ``original_id``."""
    objects: dict[int, list] = {}
    for ann in content['annotations']:
        objects.setdefault(ann['image_id'], []).append(ann)
    require_known(list(objects), by_id(content['images']), 'a picture')
    return [
        _sample({**image, 'id': image.get('original_id', image['id'])}, image['caption'], objects.get(image['id'], []))
        for image in content['images']
    ]


def from_record(record: dict) -> dict:
    """One record that holds all; a box of null, or none, means that nothing in the picture fits."""
    box = record['bbox_xyxy'] if 'bbox_xyxy' in record else record['bbox']
    name = record['img_path'] if 'img_path' in record else record['image']
    image = dict(id=record['image_id'], file_name=name, height=record['height'], width=record['width'])
    sample = _sample(image, record['expression'], [], bool(record.get('relation')), record.get('split'))
    return sample if box is None else {**sample, 'instances': [_instance(list(box))]}


def from_scenes(records: list[dict], instances: dict, others: bool = False) -> list[dict]:
    """The scenes' expressions, each of one object of ``instances``."""
    images, objects = by_id(instances['images']), by_id(instances['annotations'])
    require_known([record['ann_id'] for record in records], objects, 'an object')
    require_known([record['image_id'] for record in records], images, 'a picture')
    around = objects_by_picture(instances) if others else {}
    return [
        _sample(images[record['image_id']], record['expression'], [objects[record['ann_id']]],
                bool(record.get('relation')), others=around.get(record['image_id'], ())) for record in records
    ]


def _sample(image: dict, expression: str, objects: list[dict], relation: bool = False,
            split: str | None = None, others: Sequence[dict] = ()) -> dict:
    """A sample of a COCO picture and COCO objects of it: those meant, and others to ignore."""
    instances = [_from_coco(ann, image) for ann in objects]
    meant = {ann['id'] for ann in objects if others}
    instances += [{**_from_coco(ann, image), 'ignore_flag': 1} for ann in others
                  if ann['id'] not in meant]
    boxed = any(instance.pop('boxed', False) for instance in instances)
    return dict(
        file_name=image['file_name'],
        img_id=image['id'],
        height=image['height'],
        width=image['width'],
        instances=instances,
        expression=expression,
        relation=relation,
        split=split,
        note='an object has no outline of three points and its box stands in' if boxed else None)


def _from_coco(ann: dict, image: dict) -> dict:
    x, y, width, height = ann['bbox']
    instance = _instance([x, y, x + width, y + height])
    if 'segmentation' not in ann:
        return instance
    parts = outline_parts(ann['segmentation'], image['height'], image['width'])
    return {**instance, 'mask': parts or [box_ring(ann['bbox'])], 'boxed': not parts}


def _instance(box: list[float]) -> dict:
    return dict(bbox=box, bbox_label=0, ignore_flag=0)  # label 0: the class set is the one expression
