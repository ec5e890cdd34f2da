"""Annotated sets written in other layouts; images are linked, not copied.

Polygons are written as they are. Masks that are run-length codes become the polygons around them, which is what a model
is trained on, too.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import yaml

from visionllm.structures.polygons import signed_area

from .coco_masks import segmentation_to_polygons
from .files import annotations_by_image
from .sets import AnnotatedSet


def write_coco(annotated: AnnotatedSet, out: Path, split: str) -> list[str]:
    """Write ``annotations/instances_SPLIT.json`` and links to the images in ``SPLIT/``.

    Args:
        annotated: A set without faults.
        out: Folder to write.
        split: Name of the split.

    Returns:
        What the layout cannot hold, as sentences.
    """
    content = annotated.content
    names = link_images(annotated, out / split)
    records = [{**image, 'file_name': name} for image, name in zip(content['images'], names)]
    (out / 'annotations').mkdir(parents=True, exist_ok=True)
    (out / f'annotations/instances_{split}.json').write_bytes(orjson.dumps({**content, 'images': records}))
    return []


def write_yolo(annotated: AnnotatedSet, out: Path, split: str) -> list[str]:
    """Write ``data.yaml``, ``images/SPLIT/`` and ``labels/SPLIT/``; arguments and result as of ``write_coco``.

    All objects of a set are boxes, unless all have a mask: a file of YOLO holds one or the other. An object is one
    line, so of several polygons the largest is written.
    """
    content, objects = annotated.content, without_crowds(annotated)
    index = {category['id']: number for number, category in enumerate(content['categories'])}
    has_masks = bool(objects) and all('segmentation' in ann for ann in objects)
    several = 0
    (out / 'labels' / split).mkdir(parents=True, exist_ok=True)
    for image, name, anns in zip(content['images'], link_images(annotated, out / 'images' / split),
                                 _objects_by_image(content['images'], objects)):
        lines = []
        for ann in anns:
            polygons = _polygons(ann, image) if has_masks else []
            several += len(polygons) > 1
            values = max(polygons, key=_polygon_area) if polygons else _center_and_size(ann['bbox'])
            places = (value / (image['height'] if k % 2 else image['width']) for k, value in enumerate(values))
            lines.append(' '.join([str(index[ann['category_id']]), *(f'{min(max(v, 0), 1):.6f}' for v in places)]))
        (out / 'labels' / split / f'{Path(name).stem}.txt').write_text(''.join(f'{line}\n' for line in lines))
    splits = {folder.name: f'images/{folder.name}' for folder in sorted((out / 'images').iterdir())}
    names = {number: category['name'] for number, category in enumerate(content['categories'])}
    (out / 'data.yaml').write_text(yaml.safe_dump({**splits, 'names': names}, sort_keys=False, allow_unicode=True))
    lost = _lost_crowds(annotated, objects)
    lost += [f'{several} objects of several polygons: the largest is written.'] if several else []
    return lost + _lost_masks(objects, has_masks)


def write_voc(annotated: AnnotatedSet, out: Path, split: str) -> list[str]:
    """Write ``Annotations/``, ``JPEGImages/`` and ``ImageSets/Main/SPLIT.txt``; arguments and result as of
    ``write_coco``."""
    content, objects = annotated.content, without_crowds(annotated)
    names = {category['id']: category['name'] for category in content['categories']}
    files = link_images(annotated, out / 'JPEGImages')
    for folder in ('Annotations', 'ImageSets/Main'):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for image, name, anns in zip(content['images'], files, _objects_by_image(content['images'], objects)):
        root = ElementTree.Element('annotation')
        _add(root, filename=name)
        _add(ElementTree.SubElement(root, 'size'), width=image['width'], height=image['height'], depth=3)
        for ann in anns:
            x, y, w, h = ann['bbox']
            element = ElementTree.SubElement(root, 'object')
            _add(element, name=names[ann['category_id']], difficult=int(bool(ann.get('ignore'))))
            _add(ElementTree.SubElement(element, 'bndbox'), xmin=x + 1, ymin=y + 1, xmax=x + w, ymax=y + h)
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(out / f'Annotations/{Path(name).stem}.xml', encoding='utf-8')
    (out / f'ImageSets/Main/{split}.txt').write_text(''.join(f'{Path(name).stem}\n' for name in files))
    return _lost_crowds(annotated, objects) + _lost_masks(objects, False)


def write_labelme(annotated: AnnotatedSet, out: Path, split: str) -> list[str]:
    """Write a JSON file beside a link to each image in ``SPLIT/``; arguments and result as of ``write_coco``.

    Of several polygons of an object each is a shape, with the object's number as ``group_id``.
    """
    content, objects = annotated.content, without_crowds(annotated)
    names = {category['id']: category['name'] for category in content['categories']}
    for image, name, anns in zip(content['images'], link_images(annotated, out / split),
                                 _objects_by_image(content['images'], objects)):
        shapes = [dict(label=names[ann['category_id']], group_id=ann['id'], flags={}, **shape)
                  for ann in anns for shape in _shapes(ann, image)]
        (out / split / f'{Path(name).stem}.json').write_bytes(orjson.dumps(dict(
            version='5.0.0', flags={}, shapes=shapes, imagePath=name, imageData=None, imageHeight=image['height'],
            imageWidth=image['width']), option=orjson.OPT_INDENT_2))
    return _lost_crowds(annotated, objects)


WRITERS: dict[str, Callable[[AnnotatedSet, Path, str], list[str]]] = dict(
    coco=write_coco, yolo=write_yolo, voc=write_voc, labelme=write_labelme)


def link_images(annotated: AnnotatedSet, folder: Path) -> list[str]:
    """Link the images of a set into a folder, and return their names there, which differ without their suffixes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [image['file_name'] for image in annotated.content['images']]
    counts = Counter(Path(path).stem for path in paths)
    names = [Path(path).name if counts[Path(path).stem] == 1 else path.strip('/').replace('/', '_') for path in paths]
    stems = Counter(Path(name).stem for name in names)  # a.jpg beside a.png
    names = [name if stems[Path(name).stem] == 1 else f'{Path(name).stem}_{Path(name).suffix[1:]}{Path(name).suffix}'
             for name in names]
    for path, name in zip(paths, names):
        os.symlink((annotated.folder / path).resolve(), folder / name)
    return names


def without_crowds(annotated: AnnotatedSet) -> list[dict]:
    """The annotations of single objects."""
    return [ann for ann in annotated.content['annotations'] if not ann['iscrowd']]


def _objects_by_image(images: list[dict], objects: list[dict]) -> list[list[dict]]:
    """The objects of each image, in the order of the images."""
    return list(annotations_by_image(dict(images=images, annotations=objects)).values())


def _polygons(ann: dict, image: dict) -> list[list[float]]:
    return segmentation_to_polygons(ann.get('segmentation', []), image['height'], image['width'])


def _polygon_area(polygon: list[float]) -> float:
    return abs(signed_area(np.reshape(polygon, (-1, 2))))


def _center_and_size(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x + w / 2, y + h / 2, w, h]


def _shapes(ann: dict, image: dict) -> list[dict]:
    polygons = _polygons(ann, image)
    if polygons:
        return [dict(shape_type='polygon', points=[*map(list, zip(polygon[::2], polygon[1::2]))])
                for polygon in polygons]
    x, y, w, h = ann['bbox']
    return [dict(shape_type='rectangle', points=[[x, y], [x + w, y + h]])]


def _add(parent: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = f'{text:g}' if isinstance(text, float) else str(text)


def _lost_crowds(annotated: AnnotatedSet, objects: list[dict]) -> list[str]:
    crowds = len(annotated.content['annotations']) - len(objects)
    return [f'{crowds} crowds are left out.'] if crowds else []


def _lost_masks(objects: list[dict], has_masks: bool) -> list[str]:
    masks = 0 if has_masks else sum('segmentation' in ann for ann in objects)
    return [f'{masks} masks are left out, and boxes are written.'] if masks else []
