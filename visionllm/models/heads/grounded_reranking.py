"""Reranking of the hypotheses of a beam search by what a published detector sees (an addition to the paper): an answer
should not name a thing of which there is no detection.

Dimensions: B images, M image tokens, K classes of the detector.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from visionllm.language.mentions import NameForms
from visionllm.language.synonyms import synonyms_of
from visionllm.structures import ImageTokens

from ..llms import Hypothesis

MIN_SCORE = 0.15  # of the best detection of a class that is named


def grounded_reranking(found: Sequence[Sequence[Hypothesis]], tokens: ImageTokens) -> list[list[Hypothesis]]:
    """The hypotheses of B images, those first that name fewest of the detector's classes without a detection; in the
    order of the search otherwise, and where the tokens have no classes."""
    if tokens.class_logits is None:
        return [list(hypotheses) for hypotheses in found]
    scores = tokens.class_logits.sigmoid().amax(1)  # [B, K]
    forms = class_forms(tokens.class_names)
    absent = [{name for name, score in zip(tokens.class_names, row) if score < MIN_SCORE} for row in scores.tolist()]
    return [sorted(hypotheses, key=lambda each: len(unseen.intersection(forms.find(words(each.text)))))
            for hypotheses, unseen in zip(found, absent)]


@lru_cache(8)
def class_forms(names: tuple[str, ...]) -> NameForms:
    """All names of each class."""
    return NameForms({name: synonyms_of(name) for name in names})


def words(text: str) -> list[str]:
    """Words of a text, in lower case."""
    return re.findall(r"[\w-]+", text.lower())
