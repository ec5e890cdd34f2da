"""YOLO's layout: a ``data.yaml`` with class names and folders of splits, and a text file of labels for each image.

A line is ``class cx cy width height``, or ``class x1 y1 x2 y2 x3 y3 ...`` of a polygon, in 0 to 1 of the image's size.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from .files import AnnotationError
from .findings import MEND, Findings, Kind
from .image_files import IMAGE_SUFFIXES
from .images import ImageError, image_size

BAD_LINE = Kind('lines of labels that are neither a class and a box nor a class and a polygon', MEND)
UNKNOWN_CLASS = Kind('lines with a class that data.yaml does not name', 'Classes are numbered from 0, in the order of '
                     'names.')
OUTSIDE_UNIT = Kind('lines with a place outside 0 to 1', 'YOLO\'s labels are shares of the width and height.')
WITHOUT_IMAGE = Kind('files of labels without an image', 'Add the image, or remove the file.')
UNREADABLE_IMAGE = Kind('images that cannot be opened', 'Replace or remove them.')
SPLITS = ('train', 'val', 'test')
TOLERANCE = 1e-3  # of a place outside 0 to 1, by rounding


def read_yolo(file: Path, findings: Findings) -> dict[str, dict]:
    """The splits of a data set in YOLO's layout, as contents in COCO's.

    Args:
        file: ``data.yaml``.
        findings: To which faults are added; lines with a fault are left out.

    Returns:
        By the name of the split; ``file_name`` of an image is its path.

    Raises:
        AnnotationError: ``data.yaml`` cannot be read, or names no classes or no folder that exists.
    """
    settings = _read_settings(file)
    names = settings.get('names')
    names = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(names, list) or not names or not all(isinstance(name, (str, int, float)) for name in names):
        raise AnnotationError(f'{file} has no list of names.')
    root = file.parent / str(settings.get('path') or '')
    folders = {split: _find_folder(file, root, settings[split]) for split in SPLITS if settings.get(split)}
    if not folders:
        raise AnnotationError(f'{file} names no folder of images under train, val or test.')
    return {split: _read_split(folder, [str(name) for name in names], findings) for split, folder in folders.items()}


def _read_settings(file: Path) -> dict:
    try:
        settings = yaml.safe_load(file.read_text(encoding='utf-8-sig'))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise AnnotationError(f'{file} is not YAML: {" ".join(str(error).split())}.') from None
    if not isinstance(settings, dict):
        raise AnnotationError(f'{file} is not a list of settings: names, train, val.')
    return settings


def _find_folder(file: Path, root: Path, named: object) -> Path:
    """The folder of images that ``data.yaml`` names, which Roboflow writes as ``../train/images``."""
    name = str(named)
    for folder in (root / name, file.parent / name, file.parent / name.removeprefix('../')):
        if folder.is_dir():
            return folder
    raise AnnotationError(f'{file} names the folder {name}, which does not exist.')


def _read_split(folder: Path, names: list[str], findings: Findings) -> dict:
    labels = Path(*('labels' if part == 'images' else part for part in folder.parts))
    paths = sorted(path for path in folder.rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    images, annotations = [], []
    for path in paths:
        try:
            height, width = image_size(path)
        except ImageError:
            findings.report(UNREADABLE_IMAGE, [str(path)])
            continue
        image = dict(id=len(images) + 1, file_name=str(path), width=width, height=height)
        images.append(image)
        for record in _read_labels((labels / path.relative_to(folder)).with_suffix('.txt'), names, image, findings):
            annotations.append(dict(id=len(annotations) + 1, image_id=image['id'], iscrowd=0, **record))
    known = {path.relative_to(folder).with_suffix('') for path in paths}
    findings.report(WITHOUT_IMAGE, (str(path) for path in sorted(labels.rglob('*.txt')) if path.parent != labels.parent
                                    and path.relative_to(labels).with_suffix('') not in known
                                    and path.name != 'classes.txt'))
    categories = [dict(id=index, name=name) for index, name in enumerate(names)]
    return dict(images=images, annotations=annotations, categories=categories)


def _read_labels(path: Path, names: list[str], image: dict, findings: Findings) -> Iterator[dict]:
    """The objects of an image; an image without a file has none."""
    if not path.exists():
        return
    lines = path.read_text(encoding='utf-8-sig', errors='replace').splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record, kind = _read_line(line.split(), names, image)
        if kind is None:
            yield record
        else:
            findings.report(kind, [f'line {number} of {path}'])


def _read_line(words: list[str], names: list[str], image: dict) -> tuple[dict | None, Kind | None]:
    """The object of a line, or the kind of its fault."""
    try:
        label, *values = map(float, words)
    except ValueError:
        return None, BAD_LINE
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        return None, BAD_LINE
    if label not in range(len(names)):
        return None, UNKNOWN_CLASS
    if not all(-TOLERANCE <= value <= 1 + TOLERANCE for value in values):  # NaN is outside, too
        return None, OUTSIDE_UNIT
    width, height = image['width'], image['height']
    if len(values) > 4:
        polygon = [value * (height if index % 2 else width) for index, value in enumerate(values)]
        return dict(category_id=int(label), segmentation=[polygon]), None
    x, y, w, h = values
    box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
    return dict(category_id=int(label), bbox=box), None
