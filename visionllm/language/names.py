"""Class names as the model reads them: "Dogs.", "DOG" and "a dog" are all read as "dog"."""

import re
from functools import lru_cache

from .english import IRREGULAR, plural

_ARTICLE = re.compile(r'^(an?|some) (?=\S)')
_WITHOUT_SINGULAR = {'glasses', 'clothes', 'goggles', 'sports', 'stairs'}  # whose singular is another thing, or none
_SINGULARS = {many: one for one, many in IRREGULAR.items()}


@lru_cache(maxsize=65536)
def normalized_name(name: str) -> str:
    """A name in lower case and in the singular, without article, punctuation at its end, and repeated spaces.

    Only plurals of nouns of the word lists are changed: "skis" and "bus" stay as they are.
    """
    words = ' '.join(name.lower().split()).rstrip('.,;:!?').strip()
    return singular(_ARTICLE.sub('', words) or words) or name


def singular(name: str) -> str:
    """The singular of a plural of a known noun, perhaps with words before it; any other name as it is."""
    *first, last = name.split(' ')
    known = known_nouns()
    if last in _SINGULARS:
        return ' '.join([*first, _SINGULARS[last]])
    if not last.endswith('s') or name in known:
        return name
    candidates = (last[:-1], last[:-2], f'{last[:-3]}y', f'{last[:-3]}f', f'{last[:-3]}fe')
    singulars = [each for each in candidates if plural(each) == last]
    whole = [' '.join([*first, each]) for each in singulars if ' '.join([*first, each]) in known]
    if whole or last in known or last in _WITHOUT_SINGULAR:
        return whole[0] if whole else name
    return next((' '.join([*first, each]) for each in singulars if each in known), name)


@lru_cache
def known_nouns() -> frozenset[str]:
    """Nouns of the word lists, and the last words of those that have several."""
    from .kinds import KINDS
    from .word_lists import TEST_NOUNS, TRAIN_NOUNS
    nouns = {*TRAIN_NOUNS, *TEST_NOUNS, *KINDS, *(name for names in KINDS.values() for name in names)}
    return frozenset(nouns | {noun.split()[-1] for noun in nouns})
