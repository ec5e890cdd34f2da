"""Exercises in class maps of a few names, as people ask: a name alone, and names narrower than a detector's words.

With one name in the map nothing competes with it, so the language model must tell a dog from a cat, and a hot dog from
a dog, by the name alone. A detector's word that is wider than the name may well be the thing: a cat can be a kitten.

Dimensions: n queries, K named classes.
"""

from collections.abc import Sequence

import numpy as np

from visionllm.language.hyponyms import hypernyms_of, hyponyms_of
from visionllm.language.kinds import kinds_of, members_of, related_kinds
from visionllm.language.synonyms import synonyms_of
from visionllm.language.word_lists import TEST_NOUNS
from visionllm.models.detectors.label_sets import COCO

from .exercises import TRAIN, Exercise, draw, wide_corpus, write_class_map

ONE_NAME = 0.45  # parameter of the geometric distribution of K
COCO_SHARE, NARROWER_SHARE = 0.75, 0.5  # of the classes are named after COCO's; of these, by a narrower name
RIGHT_SHARE, SIMILAR_SHARE = 0.35, 0.35  # of the queries; the others are COCO's names
WIDER = 0.9  # probability of a class given a wider name


def sample_few_names_exercise(rng: np.random.Generator, queries: int) -> Exercise:
    """Names to look up are those in the map, their synonyms, wider names, similar ones that are other things, and
    COCO's.

    Args:
        queries: n.
    """
    words = [draw(rng, COCO if rng.random() < COCO_SHARE else wide_corpus().nouns)
             for _ in range(rng.geometric(ONE_NAME))]
    words = [word for word in dict.fromkeys(words) if word not in TEST_NOUNS] or ['cat']
    classes = list(dict.fromkeys(_name(rng, word) for word in words))
    looked_up, answers = [], []
    while len(answers) < queries:
        share = rng.random()
        word = draw(rng, words)
        query = draw(rng, [word, *synonyms_of(word), draw(rng, classes)]) if share < RIGHT_SHARE else \
            draw(rng, similar_names(word)) if share < RIGHT_SHARE + SIMILAR_SHARE else draw(rng, COCO)
        answer = answer_of_names(query, classes)
        if answer is not None and query not in TEST_NOUNS:
            looked_up.append(query)
            answers.append(answer)
    return Exercise(write_class_map(rng, classes, TRAIN.wordings), looked_up, np.stack(answers))


def _name(rng: np.random.Generator, word: str) -> str:
    narrower = hyponyms_of(word)
    return draw(rng, narrower) if narrower and rng.random() < NARROWER_SHARE else word


def similar_names(word: str) -> tuple[str, ...]:
    """Names of related things, and names that share a word with this one."""
    related = (name for kind in kinds_of(word) if kind not in ('person', 'animal') for name in members_of(kind))
    alike = (name for name in COCO if set(name.split()) & set(word.split()))
    return tuple(dict.fromkeys((*related, *alike))) or COCO


def answer_of_names(query: str, classes: Sequence[str]) -> np.ndarray | None:
    """Probabilities ``float[K + 1]`` of the classes and of ``<none>`` for a name that is looked up, or None where the
    lists do not say."""
    answer = np.zeros(len(classes) + 1)
    same = [k for k, name in enumerate(classes) if query in synonyms_of(name)]
    right = same or [k for k, name in enumerate(classes) if name in hypernyms_of(query)]
    narrower = [k for k, name in enumerate(classes) if query in hypernyms_of(name)]
    if right:
        answer[right] = 1 / len(right)
    elif narrower:
        answer[narrower], answer[-1] = WIDER / len(narrower), 1 - WIDER
    elif not related_kinds(query).isdisjoint(classes):
        return None
    else:
        answer[-1] = 1
    return answer
