"""Exercises in reading a referring expression, from text alone: of which things it speaks, and of which it does not.

"The bowl left of the spoon" is a bowl, whatever else is named. Which of several bowls it is, no word tells.

Dimensions: n queries.
"""

import numpy as np

from visionllm.datasets.coco_expressions import ORDINALS, RELATION_WORDINGS, WORDINGS, Expression, put_into_words
from visionllm.language import TASKS, parse_instruction, render_instruction
from visionllm.language.kinds import KINDS, kinds_of, members_of, related_kinds
from visionllm.language.synonyms import synonyms_of
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.language.word_lists import TEST_NOUNS
from visionllm.models.detectors.label_sets import COCO

from .exercises import Exercise, draw, wide_corpus

COCO_SHARE, KIND_SHARE = 0.5, 0.15  # of the things that expressions speak of; the others are further nouns
PLAIN_SHARE = 0.2  # of the expressions speak of one thing alone
RIGHT_SHARE, ANCHOR_SHARE = 0.3, 0.15  # of the queries
DETECTION_SHARE = 0.2  # of the instructions ask for all objects of the class
COLOURS = ('white', 'black', 'red', 'blue', 'green', 'yellow', 'brown', 'grey', 'orange', 'pink', 'purple', 'dark',
           'light', 'striped')
CLOTHES = ('shirt', 'top', 'jacket', 'hat', 'dress', 'coat', 'helmet', 'outfit')
POSES = ('standing', 'sitting', 'lying down', 'facing the camera', 'facing away', 'running', 'walking')
PLAIN = ('the {colour} {name}', '{colour} {name}', 'the {name} in {colour}', 'the {name} that is {colour}',
         'the {pose} {name}', 'the {name} that is {pose}', '{name} {pose}', 'the {name} that is not {pose}',
         'the {name} in a {colour} {clothes}', 'the {name} wearing a {colour} {clothes}', '{name} with {clothes}',
         'the {name} with a {clothes} and a {colour} {clothes2}', 'a {colour} {name} without {clothes}',
         'the {name} closest to the camera', 'the {name} in the background', 'the {name} in front')
WITH_ANCHOR = ('the {name} holding a {anchor}', 'the {name} with the {anchor}', 'the {name} behind the {anchor}',
               'the {name} in front of the {anchor}', '{name} on the {anchor}', 'the {colour} {name} by the {anchor}',
               'the {name} between the {anchor} and the wall', 'the {name} not next to the {anchor}',
               'the {name} closest to the {anchor}', 'the {name} facing the {colour} {anchor}',
               'the {name} carrying a {colour} {anchor}', 'the {name} in the {anchor}', 'the {name} under a {anchor}')
WITHOUT_ANCHOR = tuple(kind for kind in WORDINGS if kind != 'relation')


def sample_expression_exercise(rng: np.random.Generator, queries: int) -> Exercise:
    """A referring expression as the only class; names to look up are what it speaks of, what else it names, and others.

    Args:
        queries: n.
    """
    name, anchor = draw_thing(rng), None
    while anchor is None or fits(anchor, name) is not False:
        anchor = draw_thing(rng)
    others = [each for each in synonyms_of(name) if each != name]
    right = [name, *others, *(members_of(name) if name in KINDS else ()),
             *(each for each in COCO if fits(each, name))]
    right = [each for each in right if each not in TEST_NOUNS]
    looked_up, answers = [], []
    while len(answers) < queries:
        share = rng.random()
        query = name if not answers else draw(rng, right) if share < RIGHT_SHARE else \
            anchor if share < RIGHT_SHARE + ANCHOR_SHARE else draw_thing(rng)
        answer = fits(query, name)
        if answer is not None:
            looked_up.append(query)
            answers.append([answer, not answer])
    task = TASKS['detection' if rng.random() < DETECTION_SHARE else 'grounding']
    text = render_instruction([write_expression(rng, name, anchor)], str(rng.choice(task.wordings)),
                              task.output_format, [int(rng.integers(NUM_CLASS_TOKENS))])
    return Exercise(parse_instruction(text), looked_up, np.array(answers, float))


def draw_thing(rng: np.random.Generator) -> str:
    """A name of COCO, a kind, or any noun; none that is kept for tests."""
    share = rng.random()
    names = COCO if share < COCO_SHARE else list(KINDS) if share < COCO_SHARE + KIND_SHARE else wide_corpus().nouns
    name = draw(rng, names)
    return draw_thing(rng) if name in TEST_NOUNS else name


def write_expression(rng: np.random.Generator, name: str, anchor: str) -> str:
    """An expression that speaks of ``name``, and may name ``anchor`` as well; in wordings that are for training."""
    style = rng.random()
    if style < PLAIN_SHARE or style > 1 - PLAIN_SHARE:
        first, second = (str(each) for each in rng.permutation(CLOTHES)[:2])
        return draw(rng, PLAIN if style < PLAIN_SHARE else WITH_ANCHOR).format(
            name=name, anchor=anchor, colour=draw(rng, COLOURS), pose=draw(rng, POSES), clothes=first, clothes2=second)
    if rng.random() < 0.5:
        slots = (('relation', draw(rng, tuple(RELATION_WORDINGS))), ('anchor', anchor))
        return put_into_words(Expression(0, 'relation', slots), name, held_out=False, rng=rng)
    slots = (('ordinal', draw(rng, ORDINALS)), ('side', draw(rng, ('left', 'right'))))
    return put_into_words(Expression(0, draw(rng, WITHOUT_ANCHOR), slots), name, held_out=False, rng=rng)


def fits(query: str, name: str) -> bool | None:
    """Whether a thing that is called ``query`` may be meant where ``name`` is spoken of; None where the lists do not
    say."""
    if query in synonyms_of(name) or name in kinds_of(query) or query in kinds_of(name):
        return True
    doubtful = name in related_kinds(query) or query in related_kinds(name)
    return None if doubtful or not kinds_of(name).isdisjoint(kinds_of(query)) and 'person' in kinds_of(name) else False
