"""BLEU and CIDEr as COCO's caption evaluation computes them, without Java.

Words are compared as ``tokenize_caption`` gives them. Both figures are of the whole set: BLEU adds up counts over all
pictures, CIDEr weighs words by how few pictures' references hold them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

from .answers import predicted_text
from .caption_words import tokenize_caption

Words = Sequence[str]

LONGEST = 4  # words in an n-gram
TINY, SMALL = 1e-15, 1e-9  # the reference's guard against log(0) and x/0: they show in BLEU-4 of a handful of pictures
SIGMA = 6.0  # words of difference in length that CIDEr forgives


def bleu(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """BLEU-1 to BLEU-4 in percent, with the brevity penalty towards the reference of the nearest length.

    Args:
        candidates: One caption a picture, in words; an empty one adds nothing but what it lacks in length.
        references: The captions it is compared with.

    Raises:
        ValueError: There is no picture, or one without references, or the two differ in length.
    """
    _check(candidates, references)
    right, total = [0] * LONGEST, [0] * LONGEST
    length = wanted_length = 0
    for words, texts in zip(candidates, references):
        most = Counter()
        for text in texts:
            most |= _ngrams(text)
        for gram, count in (_ngrams(words) & most).items():
            right[len(gram) - 1] += count
        total = [n + max(len(words) - shorter, 0) for shorter, n in enumerate(total)]
        length += len(words)
        wanted_length += min((abs(len(text) - len(words)), len(text)) for text in texts)[1]
    brevity = math.exp(min(0.0, 1 - (wanted_length + SMALL) / (length + TINY)))
    product, scores = 1.0, []
    for size in range(LONGEST):
        product *= (right[size] + TINY) / (total[size] + SMALL)
        scores.append(100 * brevity * product**(1 / (size + 1)))
    return scores


def cider(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """CIDEr in percent (COCO's, called CIDEr-D in its paper); 1000 if every caption equals all of its references.

    An n-gram weighs ``log(pictures / pictures whose references hold it)``: a set of one picture has 0.

    Args:
        candidates: One caption a picture, in words; an empty one scores 0.
        references: The captions it is compared with.

    Raises:
        ValueError: There is no picture, or one without references, or the two differ in length.
    """
    _check(candidates, references)
    found_in = Counter(gram for texts in references for gram in set().union(*map(_ngrams, texts)))
    weights = {gram: math.log(len(references) / count) for gram, count in found_in.items()}
    unseen = math.log(len(references))
    total = 0.0
    for words, texts in zip(candidates, references):
        said = _weigh(words, weights, unseen)
        total += sum(_likeness(said, _weigh(text, weights, unseen)) for text in texts) / len(texts)
    return 1000 * total / len(candidates)  # the reference's scale is 10


def _check(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> None:
    if not candidates:
        raise ValueError('There is no caption to evaluate.')
    if len(candidates) != len(references):
        raise ValueError(f'{len(candidates)} captions cannot be compared with the references of {len(references)} '
                         'pictures; give one caption a picture.')
    bare = [index for index, texts in enumerate(references) if len(texts) == 0]
    if bare:
        raise ValueError(f'{len(bare)} of {len(references)} pictures have no reference caption, the first at index '
                         f'{bare[0]}; leave them out.')


def _ngrams(words: Words) -> Counter:
    """How often each run of 1 to ``LONGEST`` words occurs."""
    return Counter(tuple(words[start:start + size]) for size in range(1, LONGEST + 1)
                   for start in range(len(words) - size + 1))


class _Weighed(NamedTuple):
    """A caption as CIDEr sees it: weighed n-grams, their length as a vector for each size of n-gram, and words."""
    grams: dict[tuple, float]
    norms: list[float]
    length: int


def _weigh(words: Words, weights: dict[tuple, float], unseen: float) -> _Weighed:
    grams = {gram: count * weights.get(gram, unseen) for gram, count in _ngrams(words).items()}
    squares = [0.0] * LONGEST
    for gram, weight in grams.items():
        squares[len(gram) - 1] += weight * weight
    return _Weighed(grams, [math.sqrt(square) for square in squares], len(words))


def _likeness(said: _Weighed, reference: _Weighed) -> float:
    """Mean cosine over the sizes of n-grams, in [0, 1]; repeating a word does not pay, nor does another length."""
    products = [0.0] * LONGEST
    for gram, weight in said.grams.items():
        wanted = reference.grams.get(gram, 0.0)
        products[len(gram) - 1] += min(weight, wanted) * wanted
    cosines = [product / (a * b) for product, a, b in zip(products, said.norms, reference.norms) if a and b]
    gap = said.length - reference.length
    return math.exp(-gap**2 / (2 * SIGMA**2)) * sum(cosines) / LONGEST


@METRICS.register_module()
class CaptionMetric(BaseMetric):
    """``BLEU-1`` to ``BLEU-4`` and ``CIDEr``, in percent, and ``empty``: how many captions held no word.

    Where the names of things are given, ``faithful`` is the share of captions, in percent, that speak of none that all
    references of their picture are silent about (100 less the CHAIR of Rohrbach et al., 2018, with captions as truth).

    Reads ``pred_text`` (str), ``captions`` (the picture's references) and ``img_id`` of each sample.

    Args:
        collect_device: Where results of several processes meet, ``cpu`` or ``gpu``.
        prefix: Put before the names of the figures.
        things: Names of things, of one or more words, in the singular.

    Raises:
        ValueError: A sample lacks a caption or references, a picture comes twice, or there is no sample.
    """

    default_prefix = 'caption'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None, things: Sequence[str] = ()):
        super().__init__(collect_device, prefix)
        self.things = [tuple(name.split()) for name in things]

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the words of a batch."""
        for sample in data_samples:
            references = [words for text in sample.get('captions', ()) if (words := tokenize_caption(text))]
            if not references:
                raise ValueError(f'Picture {sample["img_id"]} has no reference caption with a word in it; leave it '
                                 'out of the data set.')
            self.results.append((sample['img_id'], tokenize_caption(predicted_text(sample)), references))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all pictures."""
        if not results:
            raise ValueError('There is no caption to evaluate.')
        ids, candidates, references = zip(*results)
        picture, times = Counter(ids).most_common(1)[0]
        if times > 1:
            raise ValueError(f'Picture {picture} was captioned {times} times; the data set must give each picture '
                             'once, with all its references.')
        scores = {f'BLEU-{size}': score for size, score in enumerate(bleu(candidates, references), 1)}
        if self.things:
            faithful = [spoken_of(said, self.things) <= set().union(*(spoken_of(text, self.things) for text in texts))
                        for said, texts in zip(candidates, references)]
            scores['faithful'] = 100 * sum(faithful) / len(faithful)
        return scores | dict(CIDEr=cider(candidates, references), empty=candidates.count([]))


def spoken_of(words: Words, things: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """The things that a text speaks of, one or several of them."""
    said = {words[start:start + size] for words in [tuple(words)] for size in {len(name) for name in things}
            for start in range(len(words) - size + 1)}
    return {name for name in things if any((*name[:-1], name[-1] + ending) in said for ending in ('', 's', 'es'))}
