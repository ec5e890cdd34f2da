"""Positions of class names in a caption."""

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
