"""LabelMe's layout: a JSON file with ``shapes`` beside each image."""

import math
from pathlib import Path

from .files import AnnotationError, read_json
from .findings import MEND, Findings, Kind
from .image_files import IMAGE_SUFFIXES, fault_in_size
from .images import ImageError, image_size

BAD_FILE = Kind('files that are not JSON of LabelMe, a record with a list of shapes', MEND)
BAD_SHAPE = Kind('shapes without a label, or whose points are not pairs of numbers', MEND)
OTHER_SHAPE = Kind('shapes that are neither a polygon of three points nor a rectangle of two', MEND)
NO_IMAGE = Kind('files whose image is not there or cannot be opened', 'Add the image, or remove the file.')


def read_labelme(folder: Path, findings: Findings) -> dict[str, dict]:
    """Folders of LabelMe's files as contents in COCO's layout.

    Polygons of one label and ``group_id`` in an image are parts of one object.

    Args:
        folder: Of the JSON files and the images, or of folders of them, which are splits.
        findings: To which faults are added; shapes with a fault are left out.

    Returns:
        By the name of the folder, or under ``all``; ``file_name`` of an image is its path.

    Raises:
        AnnotationError: There are no JSON files.
    """
    folders = [folder] if any(folder.glob('*.json')) else sorted({file.parent for file in folder.glob('*/*.json')})
    if not folders:
        raise AnnotationError(f'{folder} holds no JSON files of LabelMe.')
    splits = {'all' if each == folder else each.name: _read_split(each, findings) for each in folders}
    names = sorted({name for _, objects in splits.values() for _, name, _ in objects})
    categories = [dict(id=index, name=name) for index, name in enumerate(names, 1)]
    return {split: dict(images=images, categories=categories, annotations=[
        dict(id=number, image_id=image, category_id=names.index(name) + 1, iscrowd=0, **mask)
        for number, (image, name, mask) in enumerate(objects, 1)]) for split, (images, objects) in splits.items()}


def _read_split(folder: Path, findings: Findings) -> tuple[list[dict], list[tuple[int, str, dict]]]:
    """Image records, and objects: id of the image, name, and box or mask."""
    images, objects = [], []
    for file in sorted(folder.glob('*.json')):
        content = _read_file(file, findings)
        image = _find_image(file, content, findings) if content else None
        if image is None:
            continue
        images.append({**image, 'id': len(images) + 1})
        groups: dict[tuple, dict] = {}
        for number, shape in enumerate(content['shapes'], 1):
            read, kind = _read_shape(shape)
            if kind:
                findings.report(kind, [f'shape {number} of {file}'])
                continue
            name, mask = read
            group = shape.get('group_id')
            key = (name, group if type(group) is int and 'segmentation' in mask else f'shape {number}')
            if key in groups:
                groups[key]['segmentation'] += mask['segmentation']
            else:
                groups[key] = mask
        objects += [(len(images), name, mask) for (name, _), mask in groups.items()]
    return images, objects


def _read_file(file: Path, findings: Findings) -> dict | None:
    try:
        content = read_json(file)
    except AnnotationError:
        content = None
    if isinstance(content, dict) and isinstance(content.get('shapes'), list):
        return content
    findings.report(BAD_FILE, [str(file)])
    return None


def _find_image(file: Path, content: dict, findings: Findings) -> dict | None:
    """The image record of a file; None if there is no image, or one of another size than the file says."""
    name = content.get('imagePath')
    candidates = [file.parent / name.replace('\\', '/')] if isinstance(name, str) and name else []
    candidates += [file.with_suffix(suffix) for suffix in IMAGE_SUFFIXES]
    path = next((path for path in candidates if path.is_file()), None)
    try:
        height, width = image_size(path)
    except (ImageError, TypeError):
        findings.report(NO_IMAGE, [str(file)])
        return None
    annotated = content.get('imageHeight'), content.get('imageWidth')
    if all(type(side) is int and side > 0 for side in annotated):
        fault = fault_in_size(annotated, (height, width))
        if fault:
            findings.report(fault, [str(path)])
            return None
    return dict(file_name=str(path), width=width, height=height)


def _read_shape(shape: object) -> tuple[tuple[str, dict] | None, Kind | None]:
    """Name and mask of a shape, or the kind of its fault."""
    if not isinstance(shape, dict) or not isinstance(shape.get('label'), str) or not _are_points(shape.get('points')):
        return None, BAD_SHAPE
    points, kind = shape['points'], shape.get('shape_type', 'polygon')
    if kind == 'polygon' and len(points) >= 3:
        return (shape['label'], dict(segmentation=[[value for point in points for value in point]])), None
    if kind == 'rectangle' and len(points) == 2:
        (x1, y1), (x2, y2) = points
        return (shape['label'], dict(bbox=[min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)])), None
    return None, OTHER_SHAPE


def _are_points(points: object) -> bool:
    return isinstance(points, list) and all(
        isinstance(point, list) and len(point) == 2 and {*map(type, point)} <= {int, float}
        and all(map(math.isfinite, point)) for point in points)
