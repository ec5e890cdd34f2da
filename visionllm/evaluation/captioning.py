"""BLEU and CIDEr as in COCO's caption evaluation (pycocoevalcap), without Java.

Captions are tokenized by ``tokenize_caption``. Both metrics are computed over the whole data set: BLEU sums n-gram
counts over all images, CIDEr weights n-grams by their inverse document frequency in the references.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric

from visionllm.errors import ConfigError
from visionllm.language.mentions import NameForms
from visionllm.language.synonyms import synonyms_of

from .answers import get_pred_text
from .caption_tokenizer import tokenize_caption

Tokens = Sequence[str]

MAX_NGRAM = 4  # tokens
TINY, SMALL = 1e-15, 1e-9  # pycocoevalcap's constants against log(0) and x/0; they affect BLEU-4 of a few images
SIGMA = 6.0  # standard deviation of CIDEr-D's length penalty, in tokens


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """BLEU-1 to BLEU-4 in percent, with the brevity penalty relative to the reference of the closest length.

    Args:
        candidates: One tokenized caption per image; an empty one only affects the brevity penalty.
        references: Tokenized reference captions of each image.

    Raises:
        ConfigError: There is no image, an image has no references, or the arguments differ in length.
    """
    _check(candidates, references)
    matched, total = [0] * MAX_NGRAM, [0] * MAX_NGRAM
    length = reference_length = 0
    for tokens, texts in zip(candidates, references):
        max_counts = Counter()
        for text in texts:
            max_counts |= _ngrams(text)
        for ngram, count in (_ngrams(tokens) & max_counts).items():
            matched[len(ngram) - 1] += count
        total = [number + max(len(tokens) - n, 0) for n, number in enumerate(total)]
        length += len(tokens)
        reference_length += min((abs(len(text) - len(tokens)), len(text)) for text in texts)[1]
    brevity_penalty = math.exp(min(0.0, 1 - (reference_length + SMALL) / (length + TINY)))
    product, scores = 1.0, []
    for n in range(MAX_NGRAM):
        product *= (matched[n] + TINY) / (total[n] + SMALL)
        scores.append(100 * brevity_penalty * product**(1 / (n + 1)))
    return scores


def cider(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> float:
    """CIDEr-D (COCO's CIDEr; Vedantam et al., 2015) in percent; 1000 if all captions equal all of their references.

    The weight of an n-gram is ``log(images / images whose references contain it)``, so one image alone scores 0.

    Args:
        candidates: One tokenized caption per image; an empty one scores 0.
        references: Tokenized reference captions of each image.

    Raises:
        ConfigError: There is no image, an image has no references, or the arguments differ in length.
    """
    _check(candidates, references)
    document_frequency = Counter(ngram for texts in references for ngram in set().union(*map(_ngrams, texts)))
    idf = {ngram: math.log(len(references) / count) for ngram, count in document_frequency.items()}
    unseen = math.log(len(references))
    total = 0.0
    for tokens, texts in zip(candidates, references):
        candidate = _tf_idf(tokens, idf, unseen)
        total += sum(_similarity(candidate, _tf_idf(text, idf, unseen)) for text in texts) / len(texts)
    return 1000 * total / len(candidates)  # percent of pycocoevalcap's CIDEr, which is at most 10


def _check(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
    if not candidates:
        raise ConfigError('There is no caption to evaluate.')
    if len(candidates) != len(references):
        raise ConfigError(f'{len(candidates)} captions cannot be compared with the references of {len(references)} '
                          'images; give one caption per image.')
    without = [index for index, texts in enumerate(references) if len(texts) == 0]
    if without:
        raise ConfigError(f'{len(without)} of {len(references)} images have no reference caption, the first at index '
                          f'{without[0]}; leave them out.')


def _ngrams(tokens: Tokens) -> Counter:
    """Counts of all n-grams of 1 to ``MAX_NGRAM`` tokens."""
    return Counter(tuple(tokens[start:start + n]) for n in range(1, MAX_NGRAM + 1)
                   for start in range(len(tokens) - n + 1))


class _TfIdf(NamedTuple):
    """TF-IDF vectors of a caption: weights of its n-grams, norm of the vector of each n, and number of tokens."""
    weights: dict[tuple, float]
    norms: list[float]
    length: int


def _tf_idf(tokens: Tokens, idf: dict[tuple, float], unseen: float) -> _TfIdf:
    weights = {ngram: count * idf.get(ngram, unseen) for ngram, count in _ngrams(tokens).items()}
    squares = [0.0] * MAX_NGRAM
    for ngram, weight in weights.items():
        squares[len(ngram) - 1] += weight * weight
    return _TfIdf(weights, [math.sqrt(square) for square in squares], len(tokens))


def _similarity(candidate: _TfIdf, reference: _TfIdf) -> float:
    """CIDEr-D of two captions in [0, 1]: mean cosine over n, with clipped weights and a Gaussian length penalty."""
    products = [0.0] * MAX_NGRAM
    for ngram, weight in candidate.weights.items():
        reference_weight = reference.weights.get(ngram, 0.0)
        products[len(ngram) - 1] += min(weight, reference_weight) * reference_weight
    cosines = [product / (a * b) for product, a, b in zip(products, candidate.norms, reference.norms) if a and b]
    difference = candidate.length - reference.length
    return math.exp(-difference**2 / (2 * SIGMA**2)) * sum(cosines) / MAX_NGRAM


@METRICS.register_module()
class CaptionMetric(BaseMetric):
    """``BLEU-1`` to ``BLEU-4`` and ``CIDEr``, in percent, and ``empty``, the number of captions without a token.

    With ``object_names``, ``faithful`` is the percentage of captions that mention no object that none of the references
    of their image mentions: 100 - CHAIR_s (Rohrbach et al., 2018), with captions as ground truth. Where all samples
    are annotated, ``hallucinated`` is the percentage of captions that mention a class of the data set's objects, or a
    synonym of it, of which the image has none.

    Reads ``pred_text`` (str), ``captions`` (the references), ``img_id``, ``text`` (class names) and ``gt_instances`` of
    each sample.

    Args:
        collect_device: Device for collecting the results of all processes, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.
        object_names: Names of objects, of one or more words, in the singular.

    Raises:
        ConfigError: A sample lacks a caption or references, an image occurs twice, or there is no sample.
    """

    default_prefix = 'caption'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None, object_names: Sequence[str] = ()):
        super().__init__(collect_device, prefix)
        self.object_names = NameForms({name: [name] for name in object_names}) if object_names else None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Tokenize the captions of a batch."""
        for sample in data_samples:
            references = [tokens for text in sample.get('captions', ()) if (tokens := tokenize_caption(text))]
            if not references:
                raise ConfigError(f'Image {sample["img_id"]} has no reference caption with a word in it; leave it '
                                  'out of the data set.')
            tokens = tokenize_caption(get_pred_text(sample))
            self.results.append((sample['img_id'], tokens, references, annotated_classes(sample)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all images."""
        if not results:
            raise ConfigError('There is no caption to evaluate.')
        ids, candidates, references, present = zip(*results)
        img_id, times = Counter(ids).most_common(1)[0]
        if times > 1:
            raise ConfigError(f'Image {img_id} was captioned {times} times; the data set must give each image once, '
                              'with all its references.')
        scores = {f'BLEU-{n}': score for n, score in enumerate(bleu(candidates, references), 1)}
        if self.object_names:
            faithful = [self._is_faithful(tokens, texts) for tokens, texts in zip(candidates, references)]
            scores['faithful'] = 100 * sum(faithful) / len(faithful)
        if None not in present:
            names = NameForms({name: synonyms_of(name) for name in sorted(set().union(*present))})
            absent = [set(names.find(tokens)) - each for tokens, each in zip(candidates, present)]
            scores['hallucinated'] = 100 * sum(map(bool, absent)) / len(absent)
        return scores | dict(CIDEr=cider(candidates, references), empty=candidates.count([]))

    def _is_faithful(self, tokens: Tokens, references: Sequence[Tokens]) -> bool:
        """Whether all objects that a caption mentions are mentioned by any of the references."""
        truth = set().union(*map(self.object_names.find, references))
        return truth.issuperset(self.object_names.find(tokens))


def annotated_classes(sample: dict) -> set[str] | None:
    """Classes of a sample's objects; None for a sample without annotations."""
    objects = sample.get('gt_instances', {})
    return {sample['text'][label] for label in objects['labels'].tolist()} if 'labels' in objects else None
