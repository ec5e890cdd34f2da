"""What can be said about a synthetic scene: captions, referring expressions, questions with answers.

All of it follows from the scene's objects, so every sentence is true of its picture; expressions are checked to fit
one object only.
"""

from collections import Counter

import numpy as np

from .scenes import COLOURS, SHAPES, Scene, SceneObject

NUMBERS = ('no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight')
# relation -> does it hold between the centres of a and b, in pixels?
RELATIONS = {
    'left of': lambda a, b: a[0] < b[0] - 8,
    'right of': lambda a, b: a[0] > b[0] + 8,
    'above': lambda a, b: a[1] < b[1] - 8,
    'below': lambda a, b: a[1] > b[1] + 8,
}


def centre(obj: SceneObject) -> tuple[float, float]:
    """Centre of the visible box in pixels."""
    x1, y1, x2, y2 = obj.box
    return (x1 + x2) / 2, (y1 + y2) / 2


def article(noun_phrase: str) -> str:
    """The phrase with its indefinite article."""
    return f'{"an" if noun_phrase[0] in "aeiou" else "a"} {noun_phrase}'


def counted(count: int, noun: str) -> str:
    """``three red stars``."""
    return article(noun) if count == 1 else f'{NUMBERS[count]} {plural(noun)}'


def plural(noun: str) -> str:
    """``crosses``."""
    return noun + ('es' if noun.endswith(('s', 'x')) else 's')


def listing(parts: list[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f'{", ".join(parts[:-1])} and {parts[-1]}'


def captions(scene: Scene, rng: np.random.Generator, count: int = 5) -> list[str]:
    """``count`` captions, each naming every object (colour and shape), in random order and wording."""
    opening = ('a picture of {}', 'there is {} here', '{} on a textured background', 'an image with {}', '{}')
    kinds = Counter(f'{o.colour} {o.shape}' for o in scene.objects)
    sentences = []
    for i in range(count):
        order = rng.permutation(len(kinds))
        names = list(kinds)
        sentences.append(opening[i % len(opening)].format(listing([counted(kinds[names[j]], names[j])
                                                                   for j in order])))
    return sentences


def expressions(scene: Scene, rng: np.random.Generator) -> list[tuple[str, int, bool]]:
    """Unambiguous referring expressions: ``(text, index of the object, does it need a relation)``."""
    found = []
    for index in range(len(scene.objects)):
        plain = _unique_description(scene, index, rng)
        if plain is not None:
            found.append((plain, index, False))
        related = _relational_description(scene, index, rng)
        if related is not None:
            found.append((related, index, True))
    return found


def _fits(obj: SceneObject, attributes: dict[str, str]) -> bool:
    return all(getattr(obj, name) == value for name, value in attributes.items())


def _describe(attributes: dict[str, str]) -> str:
    words = [attributes[name] for name in ('size', 'colour', 'material', 'shape') if name in attributes]
    return 'the ' + ' '.join(words)


def _unique_description(scene: Scene, index: int, rng: np.random.Generator) -> str | None:
    """Shortest of a few random attribute combinations that fits this object alone."""
    obj = scene.objects[index]
    extras = list(rng.permutation(['size', 'colour', 'material']))
    for used in range(len(extras) + 1):
        attributes = {name: getattr(obj, name) for name in ['shape', *extras[:used]]}
        if sum(_fits(other, attributes) for other in scene.objects) == 1:
            return _describe(attributes)
    return None


def _relational_description(scene: Scene, index: int, rng: np.random.Generator) -> str | None:
    """``the star left of the red circle``, where the star alone would be ambiguous and the anchor is not."""
    obj = scene.objects[index]
    twins = [i for i, o in enumerate(scene.objects) if o.shape == obj.shape and i != index]
    if not twins:
        return None
    for anchor in rng.permutation(len(scene.objects)):
        name = _unique_description(scene, int(anchor), rng)
        if anchor == index or anchor in twins or name is None:
            continue
        for relation in rng.permutation(list(RELATIONS)):
            holds = RELATIONS[relation]
            there = centre(scene.objects[anchor])
            if holds(centre(obj), there) and not any(holds(centre(scene.objects[t]), there) for t in twins):
                return f'the {obj.shape} {relation} {name}'
    return None


def questions(scene: Scene, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """``(question, answer, kind)`` for the kinds count, colour, where and exists; answers are balanced by drawing."""
    shapes = Counter(o.shape for o in scene.objects)
    here = str(rng.choice(list(shapes)))
    asked = here if rng.random() < 0.7 else str(rng.choice(SHAPES))
    found = [(f'how many {plural(asked)} are there?', NUMBERS[shapes[asked]] if shapes[asked] else 'none', 'count')]
    singles = [o for o in scene.objects if shapes[o.shape] == 1]
    if singles:
        obj = singles[int(rng.integers(len(singles)))]
        found.append((f'what colour is the {obj.shape}?', obj.colour, 'colour'))
        side = scene.image.shape[0]
        x, y = centre(obj)
        where = f'{"top" if y < side / 2 else "bottom"} {"left" if x < side / 2 else "right"}'
        found.append((f'where is the {obj.shape}?', where, 'where'))
    thing = scene.objects[int(rng.integers(len(scene.objects)))]
    colour = thing.colour if rng.random() < 0.5 else str(rng.choice(list(COLOURS)))
    there = any(o.shape == thing.shape and o.colour == colour for o in scene.objects)
    found.append((f'is there {article(f"{colour} {thing.shape}")}?', 'yes' if there else 'no', 'exists'))
    return found
