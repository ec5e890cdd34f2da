"""Data sets from one layout to another."""

import random
from dataclasses import replace
from pathlib import Path

from visionllm.annotations import AnnotationError
from visionllm.annotations.sets import AnnotatedSet, find_sets
from visionllm.annotations.writers import WRITERS


def convert_data(path: str | Path, out: str | Path, layout: str, images: str | Path | None = None,
                 val_share: float = 0.0) -> str:
    """Write a data set in another layout.

    Args:
        path: File or folder, as of ``find_sets``.
        out: Folder to write, which must not exist or be empty.
        layout: ``coco``, ``yolo``, ``voc`` or ``labelme``.
        images: Folder of the images of a COCO file, where it is not found beside it.
        val_share: Share of the images, in [0, 1), that go into ``val``, the others into ``train``; 0 keeps the splits
            that there are.

    Returns:
        What was written, and what the layout cannot hold.

    Raises:
        AnnotationError: The data set has a fault or cannot be divided, or ``out`` holds files already.
    """
    out = Path(out)
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise AnnotationError(f'{out} is not empty. Write to a new folder.')
    sets = find_sets(path, images)
    for each in sets:
        each.findings.raise_faults(each.name)
    if val_share:
        sets = divide(sets, val_share)
    names = [split_name(each) for each in sets]
    if len(set(names)) < len(names):
        raise AnnotationError(f'{path} holds several splits of one name ({", ".join(names)}). Convert them one by one.')
    lines = []
    for each in sets:
        lost = WRITERS[layout](each, out, split_name(each))
        counts = f'{len(each.content["images"])} images, {len(each.content["annotations"])} objects.'
        lines.append(' '.join([f'{out} ({split_name(each)}): {counts}', *lost]))
    if len(sets) == 1 and names[0] not in ('train', 'val', 'test'):
        lines.append('This is one set. To train on a part of it and test on the rest: --val-share 0.2.')
    return '\n'.join(lines)


def divide(sets: list[AnnotatedSet], val_share: float) -> list[AnnotatedSet]:
    """Divide one set into ``train`` and ``val``, by chance but each time alike.

    Raises:
        AnnotationError: There are several sets, or one of the two would be empty.
    """
    if len(sets) > 1:
        raise AnnotationError(f'There are {len(sets)} sets already ({", ".join(each.name for each in sets)}); '
                              '--val-share divides one.')
    images = list(sets[0].content['images'])
    count = round(val_share * len(images))
    if not 0 < count < len(images):
        raise AnnotationError(f'A share of {val_share:g} of {len(images)} images leaves {count} in val and '
                              f'{len(images) - count} in train; both need some.')
    chosen = {image['id'] for image in random.Random(0).sample(images, count)}
    return [_part(sets[0], 'train', [image for image in images if image['id'] not in chosen]),
            _part(sets[0], 'val', [image for image in images if image['id'] in chosen])]


def _part(whole: AnnotatedSet, split: str, images: list[dict]) -> AnnotatedSet:
    ids = {image['id'] for image in images}
    annotations = [ann for ann in whole.content['annotations'] if ann['image_id'] in ids]
    return replace(whole, split=split, content={**whole.content, 'images': images, 'annotations': annotations})


def split_name(annotated: AnnotatedSet) -> str:
    """Name of a split: of a COCO file what follows the last underscore, without the year."""
    name = annotated.split or Path(annotated.name).stem.split('_')[-1]
    return name.rstrip('0123456789') or name
