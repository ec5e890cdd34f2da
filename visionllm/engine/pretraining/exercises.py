"""Exercises in reading class maps, from text alone: an instruction, names to look up in it, and the right answers.

The name itself is in the map, a synonym of it is, only names of related things are, or kinds such as "animal".

Dimensions: n queries, K named classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from visionllm.language import TASKS, Instruction, parse_instruction, render_instruction
from visionllm.language.kinds import KINDS, TAUGHT_SUPERCATEGORIES, kinds_of, members_of, related_kinds
from visionllm.language.synonyms import SYNONYMS
from visionllm.language.vocabulary import NUM_CLASS_TOKENS
from visionllm.language.word_lists import ADJECTIVES, TEST_NOUNS, TEST_PHRASES, TRAIN_NOUNS, TRAIN_PHRASES
from visionllm.models.detectors.label_sets import COCO

UNNAMED_SHARE = 0.4  # of the queries
ADJECTIVE_SHARE = 0.3  # of the class maps of names
PHRASE_SHARE = 0.2
MAX_KINDS = 16  # in a class map
MAX_RELATED_KINDS = 4  # that the names of a class map are taken from
WIDE, WIDE_SHARE = 30, 0.5  # half of the class maps hold kinds of at least that many members only
MIN_SUPERCATEGORIES, MAX_OTHER_KINDS = 4, 4  # in a class map of COCO's supercategories
COCO_NAME_SHARE = 0.6  # of the queries on COCO's supercategories; the others are further members of them
NAMES_BESIDE_KINDS = 0.3  # share of the class maps of kinds that hold other names, too


@dataclass(frozen=True)
class Corpus:
    """Texts to draw exercises from."""
    nouns: tuple[str, ...]
    phrases: tuple[str, ...]
    wordings: tuple[str, ...]
    with_adjectives: bool = True


@dataclass(frozen=True)
class Exercise:
    """A class map, and names to look up in it."""
    instruction: Instruction
    queries: list[str]
    answers: np.ndarray  # float[n, K + 1], probability of each class and of <none>


TRAIN = Corpus(TRAIN_NOUNS, TRAIN_PHRASES, TASKS['detection'].wordings)
TEST = Corpus(TEST_NOUNS, TEST_PHRASES, TASKS['detection'].held_out)


@lru_cache(maxsize=1)
def wide_corpus() -> Corpus:
    """The training corpus with all members of kinds and all synonyms."""
    names = [*TRAIN_NOUNS, *(name for members in KINDS.values() for name in members), *KINDS,
             *(name for group in SYNONYMS for name in group)]
    return Corpus(tuple(sorted(set(names) - set(TEST_NOUNS))), TRAIN_PHRASES, TRAIN.wordings, with_adjectives=False)


def sample_name_exercise(rng: np.random.Generator, corpus: Corpus, queries: int, max_names: int,
                         phrase_share: float = 0.0) -> Exercise:
    """Names that are in the class map or not; in some maps all names carry an adjective.

    The number of names is log-uniform.

    Args:
        queries: n.
        max_names: Length of the longest class map.
        phrase_share: Share of maps that hold phrases around the nouns that are looked up.
    """
    count = int((max_names + 1)**rng.random())
    names = [str(n) for n in rng.permutation(corpus.nouns)[:2 * max_names]]
    style = rng.random()
    if style < ADJECTIVE_SHARE and corpus.with_adjectives:
        names = [f'{rng.choice(ADJECTIVES)} {name}' for name in names]
    named, unnamed = names[:count], names[count:]
    with_phrases = style >= 1 - phrase_share
    written = [str(rng.choice(corpus.phrases)).format(name) for name in named] if with_phrases else named
    looked_up, answers = _look_up(rng, queries, count, lambda k: draw(rng, unnamed) if k == count else named[k])
    return Exercise(write_class_map(rng, written, corpus.wordings), looked_up, answers)


def sample_synonym_exercise(rng: np.random.Generator, queries: int, max_names: int) -> Exercise:
    """Synonyms of names in the class map, names in it, and names that are not."""
    count = int((max_names + 1)**rng.random())
    groups = [[str(name) for name in rng.permutation(SYNONYMS[i])] for i in rng.permutation(len(SYNONYMS))]
    named, unnamed = groups[:count], groups[count:]
    looked_up, answers = _look_up(rng, queries, count,
                                  lambda k: draw(rng, draw(rng, unnamed) if k == count else named[k]))
    return Exercise(write_class_map(rng, [group[0] for group in named], TRAIN.wordings), looked_up, answers)


def _look_up(rng: np.random.Generator, queries: int, count: int,
             draw_name: Callable[[int], str]) -> tuple[list[str], np.ndarray]:
    """Names to look up, and which of ``count`` classes each is of: ``float[n, K + 1]``.

    Args:
        draw_name: A name of class k, or of none for k = ``count``.
    """
    looked_up, answers = [], np.zeros((queries, count + 1))
    for row in answers:
        index = count if rng.random() < UNNAMED_SHARE else int(rng.integers(count))
        row[index] = 1
        looked_up.append(draw_name(index))
    return looked_up, answers


def sample_kind_exercise(rng: np.random.Generator, queries: int) -> Exercise:
    """Members of kinds in the class map, and of others. A name of several of these kinds is answered by all of them;
    one that is in the map itself by its own entry."""
    kinds = [kind for kind in KINDS if len(members_of(kind)) >= WIDE] if rng.random() < WIDE_SHARE else list(KINDS)
    classes = [kinds[i] for i in rng.permutation(len(kinds))[:rng.integers(1, MAX_KINDS + 1)]]
    if rng.random() < NAMES_BESIDE_KINDS:
        classes += [draw(rng, members_of(kind)) for kind in classes]
        classes = [str(name) for name in rng.permutation(list(dict.fromkeys(classes)))]

    def draw_name() -> str:
        kind = draw(rng, list(KINDS) if rng.random() < UNNAMED_SHARE else classes)
        return draw(rng, members_of(kind)) if kind in KINDS else kind
    return _answer(rng, classes, draw_name, queries)


def sample_supercategory_exercise(rng: np.random.Generator, queries: int) -> Exercise:
    """COCO's names and other members of its supercategories, of which most are in the class map, beside other kinds.

    What COCO files under "indoor" or "furniture" is a convention, which no word tells by itself.
    """
    count = rng.integers(MIN_SUPERCATEGORIES, len(TAUGHT_SUPERCATEGORIES) + 1)
    others = rng.permutation(list(KINDS))[:rng.integers(MAX_OTHER_KINDS + 1)]
    classes = [*rng.permutation(TAUGHT_SUPERCATEGORIES)[:count], *others]
    classes = [str(name) for name in rng.permutation(list(dict.fromkeys(classes)))]
    coco = [name for name in COCO if not kinds_of(name).isdisjoint(TAUGHT_SUPERCATEGORIES)]

    def draw_name() -> str:
        return draw(rng, coco if rng.random() < COCO_NAME_SHARE else members_of(draw(rng, TAUGHT_SUPERCATEGORIES)))
    return _answer(rng, classes, draw_name, queries)


def sample_related_exercise(rng: np.random.Generator, queries: int, max_names: int) -> Exercise:
    """Names of a few kinds, in the class map or not: a truck is no bus, whatever else they have in common."""
    kinds = [draw(rng, list(KINDS)) for _ in range(rng.integers(1, MAX_RELATED_KINDS + 1))]
    names = [str(name) for name in rng.permutation(sorted({name for kind in kinds for name in members_of(kind)}))]
    count = max(1, min(int((max_names + 1)**rng.random()), len(names) // 2))
    classes, others = names[:count], names[count:]
    return _answer(rng, classes, lambda: draw(rng, others if rng.random() < UNNAMED_SHARE else classes), queries)


def _answer(rng: np.random.Generator, classes: list[str], draw_name: Callable[[], str], queries: int) -> Exercise:
    """An exercise on names that are drawn until so many have an answer by the lists of kinds."""
    looked_up, answers = [], []
    while len(answers) < queries:
        name = draw_name()
        answer = answer_of_kinds(name, classes)
        if answer is not None and name not in TEST_NOUNS:
            looked_up.append(name)
            answers.append(answer)
    return Exercise(write_class_map(rng, classes, TRAIN.wordings), looked_up, np.stack(answers))


def draw(rng: np.random.Generator, names: Sequence[str]) -> str:
    """One of the names at random."""
    return names[rng.integers(len(names))]


def answer_of_kinds(name: str, classes: Sequence[str]) -> np.ndarray | None:
    """Probabilities ``float[K + 1]`` of classes for a name, or None where the lists do not say."""
    kinds = kinds_of(name)
    right = [k for k, each in enumerate(classes) if each == name] or [k for k, each in enumerate(classes)
                                                                     if each in kinds]
    if not right and not related_kinds(name).isdisjoint(classes):
        return None
    answer = np.zeros(len(classes) + 1)
    answer[right or [len(classes)]] = 1 / max(len(right), 1)
    return answer


def write_class_map(rng: np.random.Generator, names: Sequence[str], wordings: Sequence[str]) -> Instruction:
    """An instruction for detection with random class tokens and a random wording."""
    tokens = rng.permutation(NUM_CLASS_TOKENS)[:len(names)].tolist()
    text = render_instruction(names, str(rng.choice(wordings)), TASKS['detection'].output_format, tokens)
    return parse_instruction(text)
