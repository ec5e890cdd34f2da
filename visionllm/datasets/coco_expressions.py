"""Referring expressions written from the boxes and classes of any COCO instances file.

Each expression is true of one object of its image: of those of the class, it is the leftmost, the largest, the second
from the left, the one next to the bicycle, and by so much that nobody would doubt it. The wordings of an expression are
split in two: those for training, and those that only tests use.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from visionllm.annotations.files import annotations_by_image
from visionllm.language.english import plural

from .box_relations import POSITION_MARGIN, RELATIONS, Box, area, center, normalized_box

MIN_AREA = 0.01  # of an object that is referred to
GAP = 0.04  # between objects that are counted
SIZE_RATIO = 1.5  # to the area of the next object of the class
MAX_COUNTED = 6  # objects of a class that are counted from a side

WORDINGS = {  # by kind: for training, and for tests
    'only': (('the {name}', '{name}', 'the only {name}'),
             ('the one {name} in the picture', 'a single {name}')),
    'left': (('the leftmost {name}', 'the {name} on the left', 'left {name}', '{name} on the far left',
              'the {name} that is furthest left', 'left most {name}'),
             ('the {name} at the left edge', 'far left {name}', 'the {name} on the left hand side')),
    'right': (('the rightmost {name}', 'the {name} on the right', 'right {name}', '{name} on the far right',
               'the {name} that is furthest right', 'right most {name}'),
              ('the {name} at the right edge', 'far right {name}', 'the {name} on the right hand side')),
    'top': (('the topmost {name}', 'the {name} at the top', 'top {name}', 'the highest {name}'),
            ('upper {name}', 'the {name} nearest to the top')),
    'bottom': (('the lowest {name}', 'the {name} at the bottom', 'bottom {name}', 'the {name} furthest down'),
               ('lower {name}', 'the {name} nearest to the bottom')),
    'middle': (('the {name} in the middle', 'middle {name}', 'the {name} in the center'),
               ('center {name}', 'the middle one of the {names}')),
    'largest': (('the largest {name}', 'the biggest {name}', 'big {name}', 'the large {name}', 'closest {name}'),
                ('the biggest of the {names}', 'the {name} that looks largest')),
    'smallest': (('the smallest {name}', 'small {name}', 'the little {name}', 'tiny {name}'),
                 ('the smallest of the {names}', 'the {name} that looks smallest')),
    'ordinal': (('the {ordinal} {name} from the {side}', '{ordinal} {name} from {side}',
                 '{name} {ordinal} from the {side}'),
                ('from the {side}, the {ordinal} {name}', 'the {ordinal} of the {names}, from the {side}')),
    'relation': (('the {name} {relation} the {anchor}', '{name} {relation} {anchor}', 'the {name} {relation} {anchor}'),
                 ('the {name} that is {relation} the {anchor}', 'the {name} which you see {relation} the {anchor}')),
}
RELATION_WORDINGS = {
    'next to': (('next to', 'beside', 'near', 'by'), ('close to', 'at the side of')),
    'left of': (('left of', 'to the left of'), ('on the left of', )),
    'right of': (('right of', 'to the right of'), ('on the right of', )),
    'above': (('above', 'over'), ('higher than', )),
    'below': (('below', 'under'), ('lower than', )),
}
ORDINALS = ('second', 'third')


@dataclass(frozen=True)
class Expression:
    """What an expression says of an object, before it is put into words."""
    index: int  # of the object
    kind: str
    slots: tuple[tuple[str, str], ...] = ()  # of the wording


def generate_expressions(content: dict, held_out: bool = False, per_image: int = 8, seed: int = 0) -> dict:
    """Expressions for the images of a file, in the format that ``ReferringDataset`` reads.

    Classes with a crowd in the image are not spoken of: a crowd stands for an unknown number of objects.

    Args:
        content: Content of COCO's ``instances_*.json``.
        held_out: Use the wordings that are not for training.
        per_image: At most that many expressions, of as many kinds as there are.
        seed: Of the choice of expressions and wordings.

    Returns:
        COCO's layout: ``info``, ``images``, and ``annotations`` with ``id``, ``image_id``, ``ann_id``, ``expression``,
        ``kind``, and ``relation``, whether it is one to another object.
    """
    names = {category['id']: category['name'] for category in content['categories']}
    objects = annotations_by_image(content)
    records = []
    for image in content['images']:
        rng = np.random.default_rng([seed, int(held_out), image['id']])
        crowded = {each['category_id'] for each in objects[image['id']] if each.get('iscrowd')}
        named = [each for each in objects[image['id']] if each['category_id'] not in crowded]
        boxes = [normalized_box(each['bbox'], image) for each in named]
        found = list(expressions([names[each['category_id']] for each in named], boxes))
        for each in choose_evenly(found, per_image, rng):
            annotation = named[each.index]
            text = put_into_words(each, names[annotation['category_id']], held_out, rng)
            records.append(dict(id=len(records) + 1, image_id=image['id'], ann_id=annotation['id'], expression=text,
                                kind=each.kind, relation=each.kind == 'relation'))
    return dict(info=content.get('info', {}), images=content['images'], annotations=records)


def expressions(names: Sequence[str], boxes: Sequence[Box]) -> Iterator[Expression]:
    """All expressions that are true of exactly one object, of objects that are not too small.

    Args:
        names: Class of each object.
        boxes: Of each object.
    """
    members = defaultdict(list)
    for index, name in enumerate(names):
        members[name].append(index)
    for group in members.values():
        if len(group) == 1:
            found = [Expression(group[0], 'only')]
        else:
            found = [*extremes(group, boxes), *middles(group, boxes), *ordinals(group, boxes),
                     *relations(group, boxes, members)]
        yield from (each for each in found if area(boxes[each.index]) >= MIN_AREA)


def extremes(group: Sequence[int], boxes: Sequence[Box]) -> Iterator[Expression]:
    """The first of its class in a direction, or by its size."""
    for kind, value in (('left', lambda box: center(box)[0]), ('right', lambda box: -center(box)[0]),
                        ('top', lambda box: center(box)[1]), ('bottom', lambda box: -center(box)[1])):
        first, second, *_ = sorted((value(boxes[index]), index) for index in group)
        if second[0] - first[0] >= POSITION_MARGIN:
            yield Expression(first[1], kind)
    smallest, *_, largest = order = sorted((area(boxes[index]), index) for index in group)
    if largest[0] >= SIZE_RATIO * order[-2][0]:
        yield Expression(largest[1], 'largest')
    if order[1][0] >= SIZE_RATIO * smallest[0]:
        yield Expression(smallest[1], 'smallest')


def middles(group: Sequence[int], boxes: Sequence[Box]) -> Iterator[Expression]:
    """The middle one of three, from left to right."""
    order = _from_left(group, boxes)
    if len(order) == 3:
        yield Expression(order[1], 'middle')


def ordinals(group: Sequence[int], boxes: Sequence[Box]) -> Iterator[Expression]:
    """Second and third of its class from a side, where there are more of them."""
    order = _from_left(group, boxes)
    for side, counted in (('left', order), ('right', order[::-1])):
        yield from (Expression(index, 'ordinal', (('ordinal', ordinal), ('side', side)))
                    for ordinal, index in zip(ORDINALS, counted[1:-1]))


def _from_left(group: Sequence[int], boxes: Sequence[Box]) -> list[int]:
    """The objects from left to right; none if they are too many, or two are one above the other."""
    order = sorted(group, key=lambda index: center(boxes[index])[0])
    xs = [center(boxes[index])[0] for index in order]
    apart = all(right - left >= GAP for left, right in zip(xs, xs[1:]))
    return order if apart and len(order) <= MAX_COUNTED else []


def relations(group: Sequence[int], boxes: Sequence[Box], members: dict[str, list[int]]) -> Iterator[Expression]:
    """The one of its class that is next to, or left of, the only object of another class.

    Args:
        members: The objects of each class.
    """
    for anchor, (first, *more) in members.items():
        if more or first in group:
            continue
        for relation, (holds, fails) in RELATIONS.items():
            related = [index for index in group if holds(boxes[index], boxes[first])]
            doubtful = [index for index in group if not fails(boxes[index], boxes[first])]
            if len(related) == 1 and doubtful == related:
                yield Expression(related[0], 'relation', (('relation', relation), ('anchor', anchor)))


def choose_evenly(found: Sequence[Expression], count: int, rng: np.random.Generator) -> list[Expression]:
    """At most ``count`` expressions in random order, one of each kind before a second one of any; at most one whose
    class says it all."""
    rounds, seen = [], defaultdict(int)
    for index in rng.permutation(len(found)):
        seen[found[index].kind] += 1
        rounds.append((seen[found[index].kind], index))
    order = [(number, found[index]) for number, index in sorted(rounds, key=lambda each: each[0])]
    return [each for number, each in order if number == 1 or each.kind != 'only'][:count]


def put_into_words(expression: Expression, name: str, held_out: bool, rng: np.random.Generator) -> str:
    """The text of an expression of an object of class ``name``."""
    slots = dict(expression.slots)
    if 'relation' in slots:
        slots['relation'] = str(rng.choice(RELATION_WORDINGS[slots['relation']][held_out]))
    wording = str(rng.choice(WORDINGS[expression.kind][held_out]))
    return wording.format(name=name, names=plural(name), **slots)
