"""Questions with one right answer, written from the boxes and classes of any COCO instances file."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from visionllm.annotations.files import annotations_by_image
from visionllm.language.english import NUMBERS, article, plural

from .box_relations import IS_ON, RELATIONS, Box, Test, area, center, normalized_box

MAX_COUNT = len(NUMBERS) - 1  # objects of one class that a counting question is asked about at most
MIN_AREA = 0.01  # of an object whose presence, number or place is asked for
THIRDS = dict(left=(0, 0.3), middle=(0.4, 0.6), right=(0.7, 1))  # of the centers of objects whose place is asked for
SUPPORTS = ('bed', 'bench', 'chair', 'couch', 'dining table')  # what things lie on
PRESENT_SHARE = dict(exists=0.5, count=0.75)  # of the questions are about a class that is in the image


def generate_questions(content: dict, seed: int = 0, rounds: int = 1) -> dict:
    """Generate at most one question of each kind per image and round, in the format that ``ConversationDataset`` reads.

    Images with crowd annotations are skipped, since a crowd stands for an unknown number of objects. So are questions
    that the boxes do not settle: how many there are of a class of which some are tiny, what is next to a thing that
    two are near.

    Args:
        content: Content of COCO's ``instances_*.json``.
        seed: Seed of the random choice of classes.
        rounds: Questions that are drawn again are left out.

    Returns:
        COCO's layout: ``info``, ``images``, and ``annotations`` with ``id``, ``image_id``, ``question``, ``answer`` and
        ``kind``.
    """
    names = {category['id']: category['name'] for category in content['categories']}
    objects = annotations_by_image(content)
    records = []
    for image in content['images']:
        found = objects[image['id']]
        if any(ann.get('iscrowd') for ann in found):
            continue
        rng = np.random.default_rng([seed, image['id']])
        classes = [names[ann['category_id']] for ann in found]
        boxes = [normalized_box(ann['bbox'], image) for ann in found]
        drawn = [each for _ in range(rounds)
                 for each in questions_about_image(classes, boxes, list(names.values()), rng)]
        for question, answer, kind in dict.fromkeys(drawn):
            records.append(dict(image_id=image['id'], id=len(records) + 1, question=question, answer=answer, kind=kind))
    return dict(info=content.get('info', {}), images=content['images'], annotations=records)


def questions_about_image(classes: Sequence[str], boxes: Sequence[Box], names: Sequence[str],
                          rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """At most one question of each kind: ``exists``, ``count``, ``where``, ``next to`` and ``on``.

    Args:
        classes: Class of each object.
        boxes: Of each object.
        names: All class names.
        rng: Source of randomness.

    Returns:
        ``(question, answer, kind)`` tuples.
    """
    counts = Counter(classes)
    largest = {name: max(area(box) for each, box in zip(classes, boxes) if each == name) for name in counts}
    smallest = {name: min(area(box) for each, box in zip(classes, boxes) if each == name) for name in counts}
    present = [name for name in counts if largest[name] >= MIN_AREA]
    countable = [name for name in counts if smallest[name] >= MIN_AREA and counts[name] <= MAX_COUNT]
    absent = [name for name in names if name not in counts]
    questions = []
    searched = _draw(rng, present, absent, PRESENT_SHARE['exists'])
    if searched:
        questions.append((f'is there {article(searched)}?', 'yes' if counts[searched] else 'no', 'exists'))
    counted = _draw(rng, countable, absent, PRESENT_SHARE['count'])
    if counted:
        answer = NUMBERS[counts[counted]] if counts[counted] else 'none'
        questions.append((f'how many {plural(counted)} are there?', answer, 'count'))
    unique = [index for index, name in enumerate(classes) if counts[name] == 1 and largest[name] >= MIN_AREA]
    for kind, found in (('where', places(unique, boxes)),
                        ('next to', neighbours(unique, classes, boxes, RELATIONS['next to'])),
                        ('on', neighbours([i for i in unique if classes[i] in SUPPORTS], classes, boxes, IS_ON))):
        pairs = list(found)
        if pairs:
            index, answer = pairs[rng.integers(len(pairs))]
            wording = f'where is the {{}}, {", ".join(THIRDS)}?' if kind == 'where' else f'what is {kind} the {{}}?'
            questions.append((wording.format(classes[index]), answer, kind))
    return questions


def _draw(rng: np.random.Generator, present: Sequence[str], absent: Sequence[str], share: float) -> str | None:
    """One of the present names, or of the absent ones; None where there is none."""
    chosen = present if present and (rng.random() < share or not absent) else absent
    return chosen[rng.integers(len(chosen))] if chosen else None


def places(indices: Sequence[int], boxes: Sequence[Box]) -> Iterator[tuple[int, str]]:
    """Objects that are clearly in one third of the image, and which."""
    for index in indices:
        for answer, (low, high) in THIRDS.items():
            if low <= center(boxes[index])[0] <= high:
                yield index, answer


def neighbours(indices: Sequence[int], classes: Sequence[str], boxes: Sequence[Box],
               relation: tuple[Test, Test]) -> Iterator[tuple[int, str]]:
    """Objects to which the relation holds of objects of one class alone, and that class."""
    holds, fails = relation
    for index in indices:
        others = [i for i in range(len(classes)) if classes[i] != classes[index]]
        related = {classes[i] for i in others if holds(boxes[i], boxes[index])}
        doubtful = {classes[i] for i in others if not fails(boxes[i], boxes[index])}
        if len(related) == 1 and doubtful == related:
            yield index, related.pop()
