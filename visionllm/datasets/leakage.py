"""Removal of test images from training annotations.

The images of RefCOCO, RefCOCO+ and RefCOCOg are from COCO train2014, and all of them are in COCO train2017 under the
same ids. A model trained on all of train2017 has seen the images of their validation and test splits.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from visionllm.annotations.coco_captions import checked_captions
from visionllm.annotations.coco_file import checked_content
from visionllm.annotations.files import AnnotationError, read_json, record_errors, record_keys

from .referring_files import from_mdetr, read_content


def remove_held_out(instances: str | Path, refs: Sequence[str | Path], out: str | Path) -> str:
    """Copy a COCO file without the images, and their annotations, of expressions outside the ``train`` split.

    Args:
        instances: COCO JSON file of objects, keypoints or captions.
        refs: Files of referring expressions (``refs(unc).p``, MDETR's JSON, records). All images of a file without
            splits, such as MDETR's, count as held out: pass its val and test files only.
        out: File to write.

    Returns:
        A summary of what was removed.

    Raises:
        AnnotationError: The file has a fault, or none or all of the images of ``instances`` are held out.
    """
    content = read_json(instances)
    check = checked_captions if 'caption' in record_keys(content, 'annotations') else checked_content
    content = check(instances, content)
    held_out = set().union(*(held_out_images(path) for path in refs))
    images = [image for image in content['images'] if image['id'] not in held_out]
    annotations = [ann for ann in content['annotations'] if ann['image_id'] not in held_out]
    removed, dropped = len(content['images']) - len(images), len(content['annotations']) - len(annotations)
    if not removed or not images:
        raise AnnotationError(f'Of the {len(content["images"])} images of {instances}, {removed} are among the '
                              f'{len(held_out)} held out in {", ".join(map(str, refs))}, so nothing was written. Are '
                              'these the right files?')
    Path(out).write_text(json.dumps({**content, 'images': images, 'annotations': annotations}))
    return (f'{out}: {len(images)} images with {len(annotations)} annotations; removed {removed} images with '
            f'{dropped} annotations, of {len(held_out)} held out.')


def held_out_images(path: str | Path) -> set[int]:
    """COCO ids of the images of a file of referring expressions that are not in its ``train`` split.

    Raises:
        AnnotationError: The file has another format, or all of its expressions are in ``train``.
    """
    content = read_content(path)
    with record_errors(path):
        if 'caption' in record_keys(content, 'images'):
            return {sample['img_id'] for sample in from_mdetr(content)}
        if not {'sentences', 'expression'} & record_keys(content):
            raise AnnotationError(f'{path} holds no referring expressions (refs(unc).p, MDETR\'s JSON, or records).')
        image_ids = {record['image_id'] for record in content if record.get('split') != 'train'}
    if not image_ids:
        raise AnnotationError(f'{path} holds out no image: all its expressions are in the train split.')
    return image_ids
