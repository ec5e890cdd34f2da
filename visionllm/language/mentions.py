"""Where a text speaks of things."""

import re
from collections.abc import Sequence


def mentions(names: Sequence[str], text: str) -> list[int]:
    """For each name, which word of the text speaks of it; the number of words where none does.

    The last word of a name is its noun, found in the plural as well. Where the text has it several times, the other
    words of the name decide: "small red ring" is the second of "a blue ring and two red rings".
    """
    words = re.findall(r'\w+', text.lower())
    return [_place(name.lower().split(), words) for name in names]


def _place(name: list[str], words: list[str]) -> int:
    *details, noun = name
    best, most = len(words), -1
    for place, word in enumerate(words):
        near = words[max(place - len(details), 0):place]
        right = sum(detail in near for detail in details)
        if word.startswith(noun) and right > most:
            best, most = place, right
    return best
