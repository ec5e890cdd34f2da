"""Pascal VOC's layout: an XML file for each image, in ``Annotations/``; images in ``JPEGImages/`` or beside it."""

import math
from pathlib import Path
from xml.etree import ElementTree

from .files import AnnotationError
from .findings import MEND, Findings, Kind
from .image_files import IMAGE_SUFFIXES, fault_in_size
from .images import ImageError, image_size

BAD_XML = Kind('files that are not XML', MEND)
BAD_OBJECT = Kind('objects without a name, or without a bndbox of four numbers', MEND)
NO_IMAGE = Kind('files whose image is not there or cannot be opened', 'Add the image, or remove the file.')
CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


def read_voc(folder: Path, findings: Findings) -> dict[str, dict]:
    """The splits of a data set in Pascal VOC's layout, as contents in COCO's.

    VOC counts pixels from 1 and includes the last one, so a box from 1 to 10 is 10 pixels wide. Objects that are marked
    as difficult are marked ``ignore``.

    Args:
        folder: That holds ``Annotations/``, or the XML files themselves.
        findings: To which faults are added; objects with a fault are left out.

    Returns:
        By the name of the split in ``ImageSets/Main``, or ``all``; ``file_name`` of an image is its path.

    Raises:
        AnnotationError: There are no XML files.
    """
    labels = folder / 'Annotations' if (folder / 'Annotations').is_dir() else folder
    files = sorted(labels.glob('*.xml'))
    if not files:
        raise AnnotationError(f'{folder} holds no XML files of Pascal VOC.')
    images, objects = [], {}
    for file in files:
        image = _read_file(file, folder, objects, findings)
        if image:
            images.append({**image, 'id': len(images) + 1})
    names = sorted({each['name'] for found in objects.values() for each in found})
    return {split: _content([image for image in images if stems is None or image['stem'] in stems], objects, names)
            for split, stems in _splits(folder).items()}


def _content(images: list[dict], objects: dict[str, list[dict]], names: list[str]) -> dict:
    pairs = [(image, each) for image in images for each in objects[image['stem']]]
    annotations = [
        dict(id=number, image_id=image['id'], category_id=names.index(each['name']) + 1, bbox=each['bbox'], iscrowd=0,
             **(dict(ignore=1) if each['difficult'] else {}))
        for number, (image, each) in enumerate(pairs, 1)]
    records = [{key: value for key, value in image.items() if key != 'stem'} for image in images]
    return dict(images=records, annotations=annotations,
                categories=[dict(id=index, name=name) for index, name in enumerate(names, 1)])


def _splits(folder: Path) -> dict[str, set[str] | None]:
    """Names of images by the name of their split, without the lists of one class (``cat_train.txt``)."""
    lists = sorted((folder / 'ImageSets/Main').glob('*.txt'))
    splits = {path.stem: {line.split()[0] for line in path.read_text().splitlines() if line.strip()}
              for path in lists if '_' not in path.stem}
    return splits or {'all': None}


def _read_file(file: Path, folder: Path, objects: dict[str, list[dict]], findings: Findings) -> dict | None:
    """The image record of a file, whose objects are added to ``objects`` under its stem."""
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, ValueError, LookupError):
        findings.report(BAD_XML, [str(file)])
        return None
    path = _find_image(file, folder, root.findtext('filename') or '')
    try:
        height, width = image_size(path)
    except (ImageError, TypeError):
        findings.report(NO_IMAGE, [str(file)])
        return None
    annotated = [_number(root.findtext(f'size/{side}')) or 0 for side in ('height', 'width')]
    fault = fault_in_size(tuple(annotated), (height, width)) if min(annotated) > 0 else None
    if fault:
        findings.report(fault, [str(path)])
        return None
    found = [_read_object(each) for each in root.iter('object')]
    findings.report(BAD_OBJECT, (f'object {number} of {file}' for number, each in enumerate(found, 1) if each is None))
    objects[file.stem] = [each for each in found if each]
    return dict(file_name=str(path), width=width, height=height, stem=file.stem)


def _find_image(file: Path, folder: Path, name: str) -> Path | None:
    """The image of a file by the name that it gives, or its own."""
    places = (folder / 'JPEGImages', folder / 'images', file.parent)
    stems = [place / file.stem for place in places]
    candidates = [place / Path(name.replace('\\', '/')).name for place in places if name]
    candidates += [stem.with_name(stem.name + suffix) for stem in stems for suffix in IMAGE_SUFFIXES]
    return next((path for path in candidates if path.is_file()), None)


def _read_object(element: ElementTree.Element) -> dict | None:
    name = (element.findtext('name') or '').strip()
    corners = [_number(element.findtext(f'bndbox/{corner}')) for corner in CORNERS]
    if not name or None in corners:
        return None
    x1, y1, x2, y2 = corners
    difficult = (element.findtext('difficult') or '0').strip() == '1'
    return dict(name=name, bbox=[x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1], difficult=difficult)


def _number(text: str | None) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
