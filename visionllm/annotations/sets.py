"""Annotated sets of images on disk in any layout, with what is wrong with them."""

from dataclasses import dataclass, field
from pathlib import Path

from .coco_boxes import BOX_OF_MASK
from .coco_file import AREA, check_content
from .files import AnnotationError, read_json
from .findings import Findings
from .labelme import read_labelme
from .voc import read_voc
from .yolo import read_yolo

_COCO_FILES = ('annotations/instances_*.json', 'instances_*.json', 'annotations/person_keypoints_*.json',
               'annotations/*.json', '*/_annotations.coco.json', '_annotations.coco.json')
_YOLO_FILES = ('data.yaml', 'dataset.yaml', '*.yaml', '*.yml')


@dataclass
class AnnotatedSet:
    """One split of a data set.

    Args:
        name: For the report: the file or folder, and the split.
        layout: ``COCO``, ``YOLO``, ``Pascal VOC`` or ``LabelMe``.
        folder: Of the images.
        content: In COCO's layout, without the records that have a fault.
        findings: Faults and repairs.
        split: Name of the split, where it is not part of a file's name.
    """
    name: str
    layout: str
    folder: Path
    content: dict
    findings: Findings = field(default_factory=Findings)
    split: str = ''


def find_sets(path: str | Path, images: str | Path | None = None) -> list[AnnotatedSet]:
    """The sets of a file or folder, by the layout that it has.

    Args:
        path: A COCO file, ``data.yaml`` of YOLO, or a folder in any of the layouts.
        images: Folder of the images of COCO files, where it is not found beside them.

    Raises:
        AnnotationError: There is nothing of the kind.
    """
    path = Path(path)
    if path.is_file():
        return _read_yolo(path) if path.suffix in ('.yaml', '.yml') else [read_coco_set(path, images)]
    if not path.is_dir():
        raise AnnotationError(f'{path} does not exist.')
    for pattern in _COCO_FILES:
        files = [file for file in sorted(path.glob(pattern)) if _is_coco(file)]
        if files:
            return [read_coco_set(file, images) for file in files]
    if any(path.glob('Annotations/*.xml')) or any(path.glob('*.xml')):
        return _read(path, 'Pascal VOC', read_voc)
    for pattern in _YOLO_FILES:
        if any(path.glob(pattern)):
            return _read_yolo(sorted(path.glob(pattern))[0])
    if any(path.glob('*.json')) or any(path.glob('*/*.json')):
        return _read(path, 'LabelMe', read_labelme)
    raise AnnotationError(f'{path} holds no annotations: neither COCO\'s annotations/*.json, nor data.yaml of YOLO, '
                          'nor Annotations/*.xml of Pascal VOC, nor LabelMe\'s *.json.')


def read_coco_set(file: Path, images: str | Path | None = None) -> AnnotatedSet:
    """A COCO file with all its findings.

    Raises:
        AnnotationError: It is not in COCO's format, or its images are not found.
    """
    content, findings = read_json(file), Findings()
    folder = Path(images) if images else find_image_folder(file, content)
    return AnnotatedSet(str(file), 'COCO', folder, check_content(file, content, findings, folder), findings)


def find_image_folder(file: Path, content: dict) -> Path:
    """The folder beside a COCO file that holds its first image: that of its split, ``images`` or its own.

    Raises:
        AnnotationError: There is none.
    """
    records = content.get('images') if isinstance(content, dict) else None
    names = [str(record.get('file_name')) for record in records or () if isinstance(record, dict)]
    root = file.parent.parent if file.parent.name == 'annotations' else file.parent
    split = file.stem.split('_')[-1]
    folders = [root / split, root / 'images' / split, root / 'images', root, file.parent]
    for name in names[:20]:
        for folder in folders:
            if (folder / name.replace('\\', '/')).is_file():
                return folder
    existing = [folder for folder in folders if folder.is_dir()]
    if (root / split).is_dir() or not names:
        return root / split
    raise AnnotationError(f'{file}: its images were not found in {", ".join(map(str, existing))}. Say where they are: '
                          '--images FOLDER.')


def _is_coco(file: Path) -> bool:
    """Whether a JSON file looks like COCO's instances, by its beginning and end."""
    with file.open('rb') as stream:
        start = stream.read(4096)
        stream.seek(max(0, file.stat().st_size - 4096))
        ends = start + stream.read()
    return b'"shapes"' not in ends and b'"caption"' not in ends and (b'"bbox"' in ends or b'"categories"' in ends
                                                                     or b'"images"' in ends)


def _read(folder: Path, layout: str, reader) -> list[AnnotatedSet]:
    findings = Findings()
    splits = reader(folder, findings)
    sets = []
    for number, (split, content) in enumerate(splits.items()):
        own = Findings(findings if number == 0 else {})  # faults of files are told once
        content = check_content(folder, content, own)  # the readers have compared the images
        for kind in (AREA, BOX_OF_MASK):  # which these layouts do not hold
            own.pop(kind, None)
        sets.append(AnnotatedSet(f'{folder} ({split})', layout, Path(), content, own, split))
    return sets


def _read_yolo(file: Path) -> list[AnnotatedSet]:
    return _read(file, 'YOLO', read_yolo)
