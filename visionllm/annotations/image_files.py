"""Image files of an annotation file: found under the spelling of the disk, and as large as annotated."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from .findings import Findings, Kind, describe
from .images import ImageError, image_size

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
MAX_MEASURED = 256  # images whose size is compared at load; LoadImage compares those of all that it reads

UNREADABLE = Kind('images that cannot be opened', 'Replace them, or remove them from the file.')
TURNED = Kind('images whose width and height are exchanged in the file, because they are turned (EXIF) or by mistake',
              'Annotations must fit the image as it is shown, upright.')
OTHER_SIZE = Kind('images of another size than annotated', 'Scale the annotations, or use the images that were '
                  'annotated.')
SPELLING = Kind('file names are found under another spelling (\\ for /, %20 for a space, capitals)')
MEASURED = Kind('sizes are read from the images')


def find_image_files(images: list[dict], folder: str | Path, findings: Findings) -> list[dict]:
    """Correct the spelling of ``file_name``, and read the size of images without ``width`` or ``height``.

    Args:
        images: COCO image records, which are changed in place.
        folder: Of the image files.
        findings: To which faults and repairs are added.

    Returns:
        The images that exist and can be measured.
    """
    found = find_names((image['file_name'] for image in images), folder)
    other = [image for image in images if found[image['file_name']] not in (None, image['file_name'])]
    absent = [image for image in images if found[image['file_name']] is None]
    findings.report(SPELLING, map(describe, other))
    findings.report(missing_from(folder), map(describe, absent))
    images = [image for image in images if found[image['file_name']] is not None] if absent else images
    for image in other:
        image['file_name'] = found[image['file_name']]
    unmeasured = [image for image in images if image.get('width') is None or image.get('height') is None]
    sizes = {image['id']: _measure(image, folder) for image in unmeasured}
    for image in unmeasured:
        if sizes[image['id']]:
            image['height'], image['width'] = sizes[image['id']]
    findings.report(MEASURED, (describe(image) for image in unmeasured if sizes[image['id']]))
    return images


def missing_from(folder: str | Path) -> Kind:
    """The kind of images that are not in a folder."""
    return Kind(f'images that are not in {os.path.abspath(folder)}',
                'Set data_prefix=dict(img=FOLDER) of the dataset, or remove them from the file.')


def find_names(names: Iterable[str], folder: str | Path) -> dict[str, str | None]:
    """The names under which files are found: their own, one with another spelling, or None."""
    listings: dict[str, dict[str, str]] = {}
    return {name: _find_name(name, str(folder), listings) for name in names}


def _find_name(name: str, folder: str, listings: dict[str, dict[str, str]]) -> str | None:
    for spelling in (name, name.replace('\\', '/'), unquote(name.replace('\\', '/'))):
        directory, base = os.path.split(os.path.join(folder, spelling))
        if directory not in listings:
            listings[directory] = _list_directory(directory)
        file = listings[directory].get(base) or listings[directory].get(base.lower())
        if file:
            return spelling if file == base else os.path.join(os.path.dirname(spelling), file)
    return None


def _list_directory(path: str) -> dict[str, str]:
    """Names in a directory by themselves and by their lower case, which is '' where it stands for several."""
    try:
        with os.scandir(path or '.') as entries:
            names = [entry.name for entry in entries if entry.is_file()]
    except OSError:
        return {}
    folded: dict[str, str] = {}
    for name in names:
        folded[name.lower()] = '' if name.lower() in folded else name
    return folded | {name: name for name in names}


def compare_sizes(images: list[dict], folder: str | Path, findings: Findings,
                  at_most: int = MAX_MEASURED) -> list[dict]:
    """Compare the annotated sizes with those of the image files, of images that are evenly spread over the list.

    Args:
        images: COCO image records with ``width`` and ``height``.
        folder: Of the image files.
        findings: To which faults are added.
        at_most: Number of images that are opened.

    Returns:
        The images without the ones that differ.
    """
    chosen = np.linspace(0, len(images) - 1, min(at_most, len(images))).round().astype(int).tolist()
    wrong: dict[int, Kind] = {}
    for index in chosen:
        annotated = images[index]['height'], images[index]['width']
        kind = fault_in_size(annotated, _measure(images[index], folder))
        if kind:
            wrong[index] = kind
    for index, kind in wrong.items():
        findings.report(kind, [describe(images[index])])
    return [image for index, image in enumerate(images) if index not in wrong] if wrong else images


def fault_in_size(annotated: tuple[int, int], size: tuple[int, int] | None) -> Kind | None:
    """What is wrong with an annotated height and width; None as the size stands for an image that cannot be opened."""
    if size is None:
        return UNREADABLE
    if size == annotated:
        return None
    return TURNED if size == annotated[::-1] else OTHER_SIZE


def _measure(image: dict, folder: str | Path) -> tuple[int, int] | None:
    """Height and width of an image's file; None if it cannot be opened."""
    try:
        return image_size(os.path.join(folder, image['file_name']))
    except ImageError:
        return None
