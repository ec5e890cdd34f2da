"""Class names in a caption: which occur, and where."""

import re
from collections.abc import Iterable, Iterator, Sequence


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


class NameForms:
    """Names of classes in all their forms, singular and plural, to be found in texts. A word belongs to one name, the
    longest: a hot dog is no dog (as in CHAIR; Rohrbach et al., 2018).

    Args:
        names: Forms of each class in the singular, of one word or several. A form of two classes is that of the first.
    """

    def __init__(self, names: dict[str, Iterable[str]]):
        forms = {tuple(form.lower().split()): name for name, group in reversed(names.items()) for form in group}
        self._class_of = {(*form[:-1], form[-1] + ending): name for ending in ('es', 's', '')
                          for form, name in forms.items()}
        self._lengths = sorted({len(form) for form in self._class_of}, reverse=True)

    def find(self, tokens: Sequence[str]) -> Iterator[str]:
        """The classes of the tokens of a text, in their order, each as often as it occurs."""
        start = 0
        while start < len(tokens):
            spans = (tuple(tokens[start:start + length]) for length in self._lengths)
            span = next((each for each in spans if each in self._class_of), None)
            if span:
                yield self._class_of[span]
            start += len(span or ' ')

    def first(self, text: str) -> str | None:
        """The class of which a text speaks first."""
        return next(self.find(re.findall(r'\w+', text.lower())), None)
