"""Several folders in COCO's layout as one."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from visionllm.annotations import AnnotationError, read_coco_file
from visionllm.annotations.coco_captions import read_caption_file

READERS = dict(instances=read_coco_file, captions=read_caption_file)


def merge_folders(sources: Sequence[tuple[Path, str]], out: Path, split: str) -> str:
    """Write ``annotations/instances_SPLIT.json`` and, where any source has it, ``captions_SPLIT.json``, with links to
    the images in ``SPLIT/``. Categories are matched by name, annotations get new ids.

    Args:
        sources: Folders in COCO's layout, each with the name of one of its splits.
        out: Folder to write.
        split: Name of the merged split.

    Returns:
        A summary.

    Raises:
        AnnotationError: A source has no instances, a file has a fault, or two have an image of the same id or file
            name.
    """
    paths = {kind: [folder / f'annotations/{kind}_{name}.json' for folder, name in sources] for kind in READERS}
    paths['captions'] = [path for path in paths['captions'] if path.exists()]
    merged = {kind: merge_annotations({path: read(path) for path in paths[kind]})
              for kind, read in READERS.items() if paths[kind]}
    (out / 'annotations').mkdir(parents=True, exist_ok=True)
    for kind, content in merged.items():
        (out / f'annotations/{kind}_{split}.json').write_text(json.dumps(content))
    (out / split).mkdir(exist_ok=True)
    for folder, name in sources:
        for image in sorted((folder / name).iterdir()):
            link = out / split / image.name
            link.unlink(missing_ok=True)
            os.symlink(image.resolve(), link)
    counts = ', '.join(f'{len(content["annotations"])} {kind}' for kind, content in merged.items())
    return f'{out}: {len(merged["instances"]["images"])} images of {split} from {len(sources)} folders, {counts}'


def merge_annotations(contents: Mapping[Path, dict]) -> dict:
    """The checked contents of several annotation files as one.

    Raises:
        AnnotationError: Two have an image of the same id or file name.
    """
    merged: dict[str, list] = dict(images=[], annotations=[], categories=[])
    id_of: dict[str, int] = {}
    seen: set = set()
    for path, content in contents.items():
        for image in content['images']:
            if {image['id'], image['file_name']} & seen:
                raise AnnotationError(f'{path} has an image {image["file_name"]} of id {image["id"]}, and so has '
                                      'another folder; images must be different ones.')
            seen |= {image['id'], image['file_name']}
            merged['images'].append(image)
        names = {category['id']: category['name'] for category in content.get('categories', ())}
        for category in content.get('categories', ()):
            if category['name'] not in id_of:
                free = category['id'] not in id_of.values()
                id_of[category['name']] = category['id'] if free else max(id_of.values()) + 1
                merged['categories'].append({**category, 'id': id_of[category['name']]})
        for annotation in content['annotations']:
            category = dict(category_id=id_of[names[annotation['category_id']]]) if names else {}
            merged['annotations'].append({**annotation, 'id': len(merged['annotations']) + 1, **category})
    return merged
