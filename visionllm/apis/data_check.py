"""The report on a data set: what is in it, what is wrong with it, and how to mend it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson

from visionllm.annotations import AnnotationError
from visionllm.annotations.findings import Kind, describe
from visionllm.annotations.image_files import OTHER_SIZE, TURNED, UNREADABLE
from visionllm.annotations.pictures import Picture, near_duplicates, read_pictures, same_content
from visionllm.annotations.sets import AnnotatedSet, find_sets
from visionllm.assets import cache_dir

NO_IMAGES = Kind('sets without an image', 'Add images, and their objects.')
NO_IMAGE_OF_CLASS = Kind('classes that no image has')
SAME_IMAGES = Kind('images that are in the set twice')
SMALL, LARGE = 32**2, 96**2  # pixels, of COCO's small, medium and large objects
SHOWN_CLASSES = 12


@dataclass
class Report:
    """Sets with all that was found in them, and the images that several of them share."""
    sets: list[AnnotatedSet]
    leaks: list[str] = field(default_factory=list)  # a sentence each
    near: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether a training on the sets, and a test, would be right."""
        return not self.leaks and not any(each.findings.faults() for each in self.sets)

    def __str__(self) -> str:
        lines = [line for each in self.sets for line in (*describe_set(each), '')]
        return '\n'.join([*lines, *self.leaks, *self.near, verdict(self)])


def check_data(paths: Sequence[str | Path], images: str | Path | None = None, show_progress: bool = True) -> Report:
    """Check annotation files or folders, and all their images.

    Args:
        paths: Files or folders, as of ``find_sets``.
        images: Folder of the images of COCO files, where it is not found beside them.
        show_progress: Show a bar on the terminal.

    Raises:
        AnnotationError: A path holds no annotations, or is not in the format that it seems to have.
    """
    sets = [each for path in paths for each in find_sets(path, images)]
    report = Report(sets)
    pictures = []
    for each in sets:
        files = [each.folder / image['file_name'] for image in each.content['images']]
        key = sha256(str(each.folder.absolute()).encode() + each.name.encode()).hexdigest()[:16]
        pictures.append(read_pictures(files, cache_dir() / 'data' / f'{key}.json', show_progress))
        check_pictures(each, pictures[-1])
        check_classes(each)
    for (i, first), (j, second) in combinations(enumerate(sets), 2):
        compare_sets(report, first, pictures[i], second, pictures[j])
    return report


def check_pictures(annotated: AnnotatedSet, pictures: Sequence[Picture]) -> None:
    """Add faults of images to the findings of a set: none at all, unreadable, of another size, or there twice."""
    images, findings = annotated.content['images'], annotated.findings
    findings.report(NO_IMAGES, [] if images else [annotated.name])
    for image, picture in zip(images, pictures):
        size, given = (picture.height, picture.width), (image['height'], image['width'])
        if picture.fault:
            findings.report(UNREADABLE, [describe(image)])
        elif size != given:
            findings.report(TURNED if size == given[::-1] else OTHER_SIZE, [describe(image)])
    repeated = Counter(picture.content for picture in pictures if picture.content)
    findings.report(SAME_IMAGES, (describe(image) for image, picture in zip(images, pictures)
                                  if repeated[picture.content] > 1))


def check_classes(annotated: AnnotatedSet) -> None:
    """Add the classes without an object to the findings of a set."""
    counts = Counter(ann['category_id'] for ann in annotated.content['annotations'])
    findings = annotated.findings
    findings.report(NO_IMAGE_OF_CLASS, (each['name'] for each in annotated.content['categories']
                                        if not counts[each['id']]))


def compare_sets(report: Report, first: AnnotatedSet, pictures: Sequence[Picture], second: AnnotatedSet,
                 others: Sequence[Picture]) -> None:
    """Add the images that two sets share to a report."""
    for pairs, sentences, what in ((same_content(pictures, others), report.leaks, 'the same images'),
                                   (near_duplicates(pictures, others), report.near, 'images that look alike')):
        if pairs:
            i, j = pairs[0]
            names = first.content['images'][i]['file_name'], second.content['images'][j]['file_name']
            sentences.append(f'{first.name} and {second.name} hold {what}: {len(pairs)} (the first is {names[0]}, '
                             f'{names[1]}). Remove them from one, or a test will be too good.')


def describe_set(annotated: AnnotatedSet) -> list[str]:
    """The lines of the report on a set."""
    content, findings = annotated.content, annotated.findings
    annotations = content['annotations']
    with_objects = len({ann['image_id'] for ann in annotations})
    lines = [f'{annotated.name} ({annotated.layout})',
             f'  {len(content["images"])} images, {with_objects} with objects; {len(annotations)} objects of '
             f'{len(content["categories"])} classes']
    if annotations:
        lines += [f'  {line}' for line in (_classes_line(content), _sizes_line(annotations))]
    for kind in findings:
        mark, remedy = ('FAULT', f' {kind.remedy}') if kind.is_fault else ('note ', '')
        lines.append(f'  {mark} {findings.summarize(kind)}{remedy}')
    return lines


def _classes_line(content: dict) -> str:
    names = {category['id']: category['name'] for category in content['categories']}
    counts = Counter(names[ann['category_id']] for ann in content['annotations'])
    shown = ', '.join(f'{name} {count}' for name, count in counts.most_common(SHOWN_CLASSES))
    return shown + (f', and {len(counts) - SHOWN_CLASSES} more' if len(counts) > SHOWN_CLASSES else '')


def _sizes_line(annotations: list[dict]) -> str:
    areas = np.array([ann['area'] for ann in annotations])
    crowds = sum(bool(ann['iscrowd']) for ann in annotations)
    masks = sum('segmentation' in ann for ann in annotations)
    return (f'{(areas < SMALL).sum()} small, {((areas >= SMALL) & (areas < LARGE)).sum()} medium, '
            f'{(areas >= LARGE).sum()} large; {masks} with masks, {crowds} crowds')


def verdict(report: Report) -> str:
    """The last line of the report."""
    faults = sum(len(each.findings.faults()) for each in report.sets)
    if report.is_sound:
        return 'No faults.'
    leaks = f', {len(report.leaks)} pairs of sets that share images' if report.leaks else ''
    return f'{faults} kinds of faults{leaks}. Training or testing on this would be wrong, or stop.'


def write_fixed(report: Report, out: str | Path) -> str:
    """Write what can be used of the sets in COCO's format, without all records that have a fault.

    Args:
        report: Of ``check_data``.
        out: File for one set, or folder for several.

    Returns:
        What was written, and what is not fixed by it.

    Raises:
        AnnotationError: A file exists already.
    """
    out, lines = Path(out), []
    targets = [out] if len(report.sets) == 1 and out.suffix == '.json' else [
        out / _file_name(each, number) for number, each in enumerate(report.sets)]
    for each, target in zip(report.sets, targets):
        if target.exists():
            raise AnnotationError(f'{target} exists, and is not overwritten.')
        target.parent.mkdir(parents=True, exist_ok=True)
        content = without_faulty_images(each)
        target.write_bytes(orjson.dumps(content))
        removed = sum(len(names) for kind, names in each.findings.items() if kind.is_fault)
        lines.append(f'{target}: {len(content["images"])} images, {len(content["annotations"])} objects; '
                     f'{removed} records with a fault were left out, not mended.')
    if report.leaks:
        lines.append('Images that several sets share are still in all of them.')
    return '\n'.join(lines)


def without_faulty_images(annotated: AnnotatedSet) -> dict:
    """The content of a set without images that cannot be read or have another size, and without their objects."""
    faulty = {name for kind in (UNREADABLE, TURNED, OTHER_SIZE) for name in annotated.findings.get(kind, ())}
    images = [image for image in annotated.content['images'] if describe(image) not in faulty]
    kept = {image['id'] for image in images}
    return {**annotated.content, 'images': images,
            'annotations': [ann for ann in annotated.content['annotations'] if ann['image_id'] in kept]}


def _file_name(annotated: AnnotatedSet, number: int) -> str:
    name = Path(annotated.name).name
    return name if name.endswith('.json') else f'instances_{number}.json'
