"""Text about a synthetic scene: captions, referring expressions, and questions with answers.

All texts are generated from the scene's objects; expressions are checked to refer to exactly one object.
"""

from collections import Counter

import numpy as np

from visionllm.language.english import NUMBERS, article, counted, join_with_and, plural

from .scenes import COLOURS, SHAPES, Scene, SceneObject

RELATIONS = {  # whether a relation holds between objects with centers a and b, ``(x, y)`` in pixels
    'left of': lambda a, b: a[0] < b[0] - 8,
    'right of': lambda a, b: a[0] > b[0] + 8,
    'above': lambda a, b: a[1] < b[1] - 8,
    'below': lambda a, b: a[1] > b[1] + 8,
}


def center(obj: SceneObject) -> tuple[float, float]:
    """Center ``(x, y)`` of an object's bounding box in pixels."""
    x1, y1, x2, y2 = obj.box
    return (x1 + x2) / 2, (y1 + y2) / 2


def place(obj: SceneObject, side: int) -> str:
    """The quarter of a scene of ``side`` pixels that an object's center lies in: ``top left``."""
    x, y = center(obj)
    return f'{"top" if y < side / 2 else "bottom"} {"left" if x < side / 2 else "right"}'


def captions(scene: Scene, rng: np.random.Generator, count: int = 5) -> list[str]:
    """Generate captions that name all objects by colour and shape, in random order.

    Args:
        scene: The scene.
        rng: Source of randomness.
        count: Number of captions; they cycle through five templates.
    """
    templates = ('a picture of {}', 'there is {} here', '{} on a textured background', 'an image with {}', '{}')
    kinds = Counter(f'{o.colour} {o.shape}' for o in scene.objects)
    sentences = []
    for i in range(count):
        order = rng.permutation(len(kinds))
        names = list(kinds)
        sentences.append(templates[i % len(templates)].format(join_with_and([counted(kinds[names[j]], names[j])
                                                                   for j in order])))
    return sentences


def expressions(scene: Scene, rng: np.random.Generator) -> list[tuple[str, int, bool]]:
    """Generate unambiguous referring expressions, up to two per object.

    Args:
        scene: The scene.
        rng: Source of randomness.

    Returns:
        ``(expression, index of the object, whether it uses a relation to another object)`` tuples.
    """
    found = []
    for index in range(len(scene.objects)):
        plain = _unique_description(scene, index, rng)
        if plain is not None:
            found.append((plain, index, False))
        related = _relational_description(scene, index, rng)
        if related is not None:
            found.append((related, index, True))
    return found


def _matches(obj: SceneObject, attributes: dict[str, str]) -> bool:
    return all(getattr(obj, name) == value for name, value in attributes.items())


def _describe(attributes: dict[str, str]) -> str:
    words = [attributes[name] for name in ('size', 'colour', 'material', 'shape') if name in attributes]
    return 'the ' + ' '.join(words)


def _unique_description(scene: Scene, index: int, rng: np.random.Generator) -> str | None:
    """Description with the fewest attributes, added in random order, that matches this object only; None if none."""
    obj = scene.objects[index]
    extras = list(rng.permutation(['size', 'colour', 'material']))
    for num_extras in range(len(extras) + 1):
        attributes = {name: getattr(obj, name) for name in ['shape', *extras[:num_extras]]}
        if sum(_matches(other, attributes) for other in scene.objects) == 1:
            return _describe(attributes)
    return None


def _relational_description(scene: Scene, index: int, rng: np.random.Generator) -> str | None:
    """Description such as ``the star left of the red circle`` of an object whose shape is not unique; None if none.

    The anchor has a unique description, and the relation to it holds for no other object of the same shape.
    """
    obj = scene.objects[index]
    same_shape = [i for i, o in enumerate(scene.objects) if o.shape == obj.shape and i != index]
    if not same_shape:
        return None
    for anchor in rng.permutation(len(scene.objects)):
        name = _unique_description(scene, int(anchor), rng)
        if anchor == index or anchor in same_shape or name is None:
            continue
        for relation in rng.permutation(list(RELATIONS)):
            holds = RELATIONS[relation]
            to = center(scene.objects[anchor])
            if holds(center(obj), to) and not any(holds(center(scene.objects[i]), to) for i in same_shape):
                return f'the {obj.shape} {relation} {name}'
    return None


def questions(scene: Scene, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Generate questions with answers, at most one per kind; classes are drawn so that answers are balanced.

    Args:
        scene: The scene.
        rng: Source of randomness.

    Returns:
        ``(question, answer, kind)`` tuples of the kinds ``count``, ``colour``, ``where`` and ``exists``.
    """
    shapes = Counter(o.shape for o in scene.objects)
    present = str(rng.choice(list(shapes)))
    shape = present if rng.random() < 0.7 else str(rng.choice(SHAPES))
    found = [(f'how many {plural(shape)} are there?', NUMBERS[shapes[shape]] if shapes[shape] else 'none', 'count')]
    unique = [o for o in scene.objects if shapes[o.shape] == 1]
    if unique:
        obj = unique[int(rng.integers(len(unique)))]
        found.append((f'what colour is the {obj.shape}?', obj.colour, 'colour'))
        found.append((f'where is the {obj.shape}?', place(obj, scene.image.shape[0]), 'where'))
    obj = scene.objects[int(rng.integers(len(scene.objects)))]
    colour = obj.colour if rng.random() < 0.5 else str(rng.choice(list(COLOURS)))
    exists = any(o.shape == obj.shape and o.colour == colour for o in scene.objects)
    found.append((f'is there {article(f"{colour} {obj.shape}")}?', 'yes' if exists else 'no', 'exists'))
    return found
