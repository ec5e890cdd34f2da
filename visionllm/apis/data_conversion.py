"""Data sets from one layout to another."""

from pathlib import Path

from visionllm.annotations import AnnotationError
from visionllm.annotations.sets import AnnotatedSet, find_sets
from visionllm.annotations.writers import WRITERS


def convert_data(path: str | Path, out: str | Path, layout: str, images: str | Path | None = None) -> str:
    """Write a data set in another layout.

    Args:
        path: File or folder, as of ``find_sets``.
        out: Folder to write, which must not exist or be empty.
        layout: ``coco``, ``yolo``, ``voc`` or ``labelme``.
        images: Folder of the images of a COCO file, where it is not found beside it.

    Returns:
        What was written, and what the layout cannot hold.

    Raises:
        AnnotationError: The data set has a fault, or ``out`` holds files already.
    """
    out = Path(out)
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise AnnotationError(f'{out} is not empty. Write to a new folder.')
    sets = find_sets(path, images)
    for each in sets:
        each.findings.raise_faults(each.name)
    names = [split_name(each) for each in sets]
    if len(set(names)) < len(names):
        raise AnnotationError(f'{path} holds several splits of one name ({", ".join(names)}). Convert them one by one.')
    lines = []
    for each in sets:
        lost = WRITERS[layout](each, out, split_name(each))
        counts = f'{len(each.content["images"])} images, {len(each.content["annotations"])} objects.'
        lines.append(' '.join([f'{out} ({split_name(each)}): {counts}', *lost]))
    return '\n'.join(lines)


def split_name(annotated: AnnotatedSet) -> str:
    """Name of a split: of a COCO file what follows the last underscore, without the year."""
    name = Path(annotated.name).stem.split('_')[-1] if annotated.layout == 'COCO' else annotated.split
    return name.rstrip('0123456789') or name
