"""Instruction data in LLaVA-Instruct's format out of captions and boxes (Liu et al., NeurIPS 2023, section 3), by
templates: conversations, detailed descriptions and complex reasoning. Each answer follows from the annotations.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from visionllm.annotations.files import annotations_by_image
from visionllm.language.english import NUMBERS, counted, join_with_and, plural
from visionllm.language.instructions import IMAGE_SLOT

from .box_relations import Box, area, distance, normalized_box
from .coco_questions import MIN_AREA, THIRDS, places, questions_about_image

CONVERSATION_ROUNDS, MAX_TURNS = 3, 5
NEARER_MARGIN = 0.1  # by which one object is nearer than another, in widths of the image
DETAIL_QUESTIONS = ('Describe the picture in detail.', 'What is in this picture? Name everything and where it is.',
                    'Give a thorough description of the scene.')
SEATS = ('chair', 'bench', 'couch')
Turns = list[tuple[str, str]]  # questions with their answers


@dataclass(frozen=True)
class AnnotatedImage:
    """What is known of an image."""
    classes: tuple[str, ...]  # of each object
    boxes: tuple[Box, ...]  # of each object
    captions: tuple[str, ...]
    names: tuple[str, ...]  # all class names of the data set
    kind_of: dict[str, str]  # supercategory of each class name

    @property
    def counts(self) -> Counter:
        """Number of objects by class, of the classes of which none is tiny."""
        tiny = {name for name, box in zip(self.classes, self.boxes) if area(box) < MIN_AREA}
        counts = Counter(name for name in self.classes if name not in tiny)
        return Counter({name: count for name, count in counts.items() if count < len(NUMBERS)})


def read_images(instances: dict, captions: dict | None = None) -> list[tuple[dict, AnnotatedImage]]:
    """Image records with what is known of each; images with crowds, whose number is unknown, are left out.

    Args:
        instances: Content of COCO's ``instances_*.json``.
        captions: Of ``captions_*.json`` of the same images; None for none.
    """
    names = {category['id']: category['name'] for category in instances['categories']}
    kind_of = {each['name']: each.get('supercategory', each['name']) for each in instances['categories']}
    said: dict[int, list[str]] = {}
    for record in (captions or dict(annotations=()))['annotations']:
        said.setdefault(record['image_id'], []).append(' '.join(record['caption'].split()))
    objects, found = annotations_by_image(instances), []
    for image in instances['images']:
        own = objects[image['id']]
        if not any(ann.get('iscrowd') for ann in own):
            found.append((image, AnnotatedImage(
                tuple(names[ann['category_id']] for ann in own),
                tuple(normalized_box(ann['bbox'], image) for ann in own), tuple(said.get(image['id'], ())),
                tuple(names.values()), kind_of)))
    return found


def write_visual_instructions(images: Sequence[tuple[dict, AnnotatedImage]], writers: dict[str, 'Writer'],
                              seed: int = 0) -> list[dict]:
    """Records of LLaVA-Instruct, at most one of each kind per image.

    Args:
        images: As ``read_images`` returns them.
        writers: By the name of the kind, which ends the record's id.
        seed: Of the random choices.
    """
    records = []
    for image, known in images:
        for number, (kind, write) in enumerate(writers.items()):
            turns = write(known, np.random.default_rng([seed, image['id'], number]))
            if turns:
                records.append(to_record(f'{image["id"]}-{kind}', image['file_name'], turns))
    return records


def to_record(record_id: str, file_name: str, turns: Turns) -> dict:
    """A record of LLaVA-Instruct."""
    texts = [text for turn in turns for text in turn]
    texts[0] = f'{IMAGE_SLOT}\n{texts[0]}'
    return dict(id=record_id, image=file_name, conversations=[
        {'from': ('human', 'gpt')[number % 2], 'value': text} for number, text in enumerate(texts)])


def conversation(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """Short questions, each with one right answer."""
    drawn = [each[:2] for _ in range(CONVERSATION_ROUNDS)
             for each in questions_about_image(image.classes, image.boxes, image.names, rng)]
    turns = list(dict.fromkeys(drawn))
    return [turns[i] for i in rng.permutation(len(turns))[:MAX_TURNS]]


def detail(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """A caption, how many there are of what, and where single things are."""
    counts = image.counts
    if not counts:
        return []
    sentences = [ended(str(rng.choice(image.captions)))] if image.captions else []
    verb = 'are' if next(iter(counts.values())) > 1 else 'is'
    sentences.append(f'There {verb} {join_with_and([counted(count, name) for name, count in counts.items()])}.')
    unique = [index for index, name in enumerate(image.classes) if counts[name] == 1]
    sentences += [f'The {image.classes[index]} is {place_phrase(place)}.'
                  for index, place in places(unique, image.boxes)]
    return [(str(rng.choice(DETAIL_QUESTIONS)), ' '.join(sentences))]


def reasoning(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """One question that takes several steps, with the steps in the answer."""
    found = [turn for write in REASONING for turn in write(image, rng)]
    return [found[rng.integers(len(found))]] if found else []


def compare_numbers(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """Which of two classes is more numerous."""
    counts = image.counts
    if len(counts) < 2:
        return []
    first, second = (list(counts)[i] for i in rng.permutation(len(counts))[:2])
    verdict = 'yes, there are more' if counts[first] > counts[second] else 'no, there are not more'
    return [(f'Are there more {plural(first)} than {plural(second)}?',
             f'There {is_or_are(counts[first])} {counted(counts[first], first)} and '
             f'{counted(counts[second], second)}, so {verdict} {plural(first)}.')]


def add_numbers(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """How many there are of a supercategory, of several classes."""
    counts, turns = image.counts, []
    for kind in dict.fromkeys(image.kind_of.values()):
        members = [name for name in counts if image.kind_of[name] == kind]
        total = sum(counts[name] for name in members)
        complete = all(name in counts for name in image.classes if image.kind_of[name] == kind)
        if len(members) > 1 and complete and total < len(NUMBERS):
            listed = join_with_and([counted(counts[name], name) for name in members])
            turns.append((f'How many objects of the kind "{kind}" are there in all?',
                          f'There {is_or_are(counts[members[0]])} {listed}, which makes {NUMBERS[total]} in all.'))
    return turns


def find_nearer(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """Which of two single objects is nearer to a third one, in the picture."""
    unique = [index for index, name in enumerate(image.classes) if image.counts[name] == 1]
    if len(unique) < 3:
        return []
    to, first, second = (unique[i] for i in rng.permutation(len(unique))[:3])
    near, far = sorted((first, second), key=lambda i: distance(image.boxes[i], image.boxes[to]))
    gaps = [distance(image.boxes[i], image.boxes[to]) for i in (near, far)]
    if gaps[1] - gaps[0] < NEARER_MARGIN:
        return []
    names = [image.classes[i] for i in (to, first, second, near, far)]
    return [(f'What is nearer to the {names[0]} in the picture, the {names[1]} or the {names[2]}?',
             f'Between the {names[0]} and the {names[3]} there is less space than between it and the {names[4]}, '
             f'so the {names[3]} is nearer.')]


def count_seats(image: AnnotatedImage, rng: np.random.Generator) -> Turns:
    """Whether each person could have a chair of their own."""
    people, chairs = image.counts['person'], image.counts['chair']
    if not people or not chairs or any(name in image.classes for name in SEATS[1:]):
        return []
    verdict = 'yes, there are enough' if chairs >= people else 'no, there are not enough'
    return [('Could each person in the picture sit on a chair of their own?',
             f'There {is_or_are(people)} {counted(people, "person")} and {counted(chairs, "chair")}, so {verdict}.')]


Writer = Callable[[AnnotatedImage, np.random.Generator], Turns]
REASONING: tuple[Writer, ...] = (compare_numbers, add_numbers, find_nearer, count_seats)
TEMPLATES: dict[str, Writer] = dict(conversation=conversation, detail=detail, complex=reasoning)


def is_or_are(count: int) -> str:
    """The verb before a number of things."""
    return 'is' if count == 1 else 'are'


def ended(sentence: str) -> str:
    """A sentence with a capital and a full stop."""
    return sentence[:1].upper() + sentence[1:].rstrip('. ') + '.'


def place_phrase(third: str) -> str:
    """Where a third of the image, a key of ``THIRDS``, is."""
    return 'in the middle' if third == tuple(THIRDS)[1] else f'at the {third}'
