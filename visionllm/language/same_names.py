"""Names of one class set that mean the same thing: "cat" and "kitty", "star" and "star symbol"."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from .kinds import KINDS
from .names import normalized_name
from .synonyms import SYNONYMS, TEST_SYNONYMS, VOC_SYNONYMS

_EMPTY_NOUNS = {'symbol', 'shape', 'object', 'thing', 'icon', 'item'}  # which add nothing to the noun before them
_FIRST_OF = {name: group[0] for group in (*SYNONYMS, *TEST_SYNONYMS, *VOC_SYNONYMS.items()) for name in group}


def groups_of_same_names(names: Sequence[str]) -> list[list[int]]:
    """Indices of the names that mean the same thing, of each thing with several."""
    groups = defaultdict(list)
    for index, name in enumerate(names):
        groups[_canonical_name(name)].append(index)
    return [group for group in groups.values() if len(group) > 1]


@lru_cache(maxsize=65536)
def _canonical_name(name: str) -> str:
    """One name for all that mean the same thing."""
    words = normalized_name(name)
    first, _, last = words.rpartition(' ')
    if first and (last in _EMPTY_NOUNS or first in KINDS.get(last, ())):  # "cat animal"
        words = first
    return _FIRST_OF.get(words, words)
