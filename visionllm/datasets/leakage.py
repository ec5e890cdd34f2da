"""Pictures that are tested on must not be trained on.

The pictures of RefCOCO, RefCOCO+ and RefCOCOg are COCO train2014's, all of which are in COCO 2017's train set, under
the same ids. A model trained on the whole of it has seen the pictures that its grounding is tested on.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from .coco import AnnotationError
from .referring_files import from_mdetr, read_content
from .sentences import read_json, record_errors, record_keys


def remove_held_out(instances: str | Path, refs: Sequence[str | Path], out: str | Path) -> str:
    """Copy a COCO file without the pictures, and their annotations, that expressions outside ``train`` are about.

    Args:
        instances: COCO's JSON of any kind: pictures and annotations of them.
        refs: Files of expressions (``refs(unc).p``, MDETR's JSON, records). One that names no splits, as MDETR's do
            not, counts as held out as a whole: give its val and test files only.
        out: File to write.

    Returns:
        What was removed, in a sentence.

    Raises:
        AnnotationError: Nothing of ``instances`` is held out, or all of it.
    """
    content = read_json(instances)
    held_out = set().union(*(held_out_pictures(path) for path in refs))
    with record_errors(instances):
        images = [image for image in content['images'] if image['id'] not in held_out]
        annotations = [ann for ann in content['annotations'] if ann['image_id'] not in held_out]
    removed, dropped = len(content['images']) - len(images), len(content['annotations']) - len(annotations)
    if not removed or not images:
        raise AnnotationError(f'Of the {len(content["images"])} pictures of {instances}, {removed} are among the '
                              f'{len(held_out)} held out in {", ".join(map(str, refs))}, so nothing was written. Are '
                              'these the right files?')
    Path(out).write_text(json.dumps({**content, 'images': images, 'annotations': annotations}))
    return (f'{out}: {len(images)} pictures with {len(annotations)} annotations; removed {removed} pictures with '
            f'{dropped} annotations, of {len(held_out)} held out.')


def held_out_pictures(path: str | Path) -> set[int]:
    """COCO ids of the pictures of a file of expressions that are not in its ``train`` split.

    Raises:
        AnnotationError: Not such a file, or all of it is ``train``.
    """
    content = read_content(path)
    with record_errors(path):
        if 'caption' in record_keys(content, 'images'):
            return {sample['img_id'] for sample in from_mdetr(content)}
        if not {'sentences', 'expression'} & record_keys(content):
            raise AnnotationError(f'{path} holds no referring expressions (refs(unc).p, MDETR\'s JSON, or records).')
        found = {record['image_id'] for record in content if record.get('split') != 'train'}
    if not found:
        raise AnnotationError(f'{path} holds out no picture: all its expressions are in the train split.')
    return found
