"""Class names in a caption: which occur, and where."""

import re
from collections.abc import Sequence


def mention_positions(names: Sequence[str], text: str) -> list[int]:
    """For each name, the index of the word of the text that refers to it; the number of words where none does.

    The last word of a name is its head noun, which is matched in the plural as well. If it occurs several times, the
    position preceded by most of the name's attributes is taken: "small red ring" matches the second ring of "a blue
    ring and two red rings".
    """
    words = re.findall(r'\w+', text.lower())
    return [_head_noun_position(name.lower().split(), words) for name in names]


def _head_noun_position(name: list[str], words: list[str]) -> int:
    *attributes, noun = name
    best_position, best_score = len(words), -1
    for position, word in enumerate(words):
        preceding = words[max(position - len(attributes), 0):position]
        score = sum(attribute in preceding for attribute in attributes)
        if word.startswith(noun) and score > best_score:
            best_position, best_score = position, score
    return best_position


def mentioned_classes(tokens: Sequence[str], forms: dict[str, tuple[str, ...]]) -> set[str]:
    """Classes that occur in a text in any of their forms."""
    words = [tuple(form.split()) for group in forms.values() for form in group]
    mentioned = {' '.join(each) for each in mentioned_objects(tokens, words)}
    return {name for name, group in forms.items() if mentioned.intersection(group)}


def mentioned_objects(tokens: Sequence[str], object_names: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Find the object names that occur in a text, in the singular or plural. A word belongs to one name, the longest:
    a hot dog is no dog (as in CHAIR; Rohrbach et al., 2018).

    Args:
        tokens: Tokens of the text.
        object_names: Tokens of each name, in the singular.
    """
    forms = {(*name[:-1], name[-1] + ending): name for ending in ('es', 's', '') for name in object_names}
    longest_first = sorted({len(form) for form in forms}, reverse=True)
    found, start = set(), 0
    while start < len(tokens):
        spans = (tuple(tokens[start:start + length]) for length in longest_first)
        span = next((each for each in spans if each in forms), ())
        found |= {forms[span]} if span else set()
        start += len(span) or 1
    return found
