"""Colours in the names of things: which one, and of what part of the thing.

    red car                     red, of the whole
    the man in a white shirt    white, of the upper part
    person not wearing blue     not blue, of the upper part
    the dog next to the red car none: another thing is red
"""

import re
from typing import NamedTuple

COLOURS = (  # the basic colour terms of English (Berlin and Kay, 1969)
    'black', 'white', 'gray', 'red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'brown')
SPELLINGS = dict.fromkeys(COLOURS) | dict(grey='gray', golden='yellow', violet='purple', silver='gray', navy='blue')
WHOLE, UPPER, LOWER = PARTS = ('whole', 'upper', 'lower')
UPPER_GARMENTS = set('shirt tshirt shirts top tops jacket coat sweater hoodie sweatshirt suit dress uniform jersey '
                     'vest blouse outfit clothes clothing apron robe costume'.split())
LOWER_GARMENTS = set('pants trousers shorts jeans skirt leggings'.split())
WORN = {'in', 'wearing', 'wears', 'dressed'}
OWNED = {'with', 'has', 'having'}
NEGATIONS = {'not', 'no', 'without', 'nor', 'neither'}
FILLERS = {'a', 'an', 'the', 'in', 'and', 'or', 'colored', 'coloured', 'is', 'are', 'that', 'who', 'which', 'one'}
OTHER_THING = re.compile(  # what follows is said of another thing
    r'\b(?:next to|near|nearest|close|closest|left of|right of|side of|behind|under|above|below|beside|by|on|onto|'
    r'holding|carrying|riding|between|in front of|held|ridden|beneath|facing|inside|over|containing|at|eating|using|'
    r'pulling)\b')


class ColourTerm(NamedTuple):
    """A colour that is said of a thing."""
    colour: str  # of COLOURS
    part: str  # of PARTS
    negated: bool


def colour_terms(text: str) -> list[ColourTerm]:
    """The colours that a name or an expression says of its own thing."""
    words = re.findall(r"[a-z]+", OTHER_THING.split(text.lower().replace('t-shirt', 'tshirt'), maxsplit=1)[0])
    terms = []
    for index, word in enumerate(words):
        part = _part(words, index) if word in SPELLINGS else None
        if part:
            negated = bool(NEGATIONS.intersection(words[max(index - 3, 0):index]))
            terms.append(ColourTerm(SPELLINGS[word] or word, part, negated))
    return terms


def without_colours(text: str) -> str:
    """What has the colours: "red car" is a car, "the man in a white shirt" a man; other names as they are."""
    terms = colour_terms(text)
    if not terms:
        return text
    words = text.lower().split()
    if any(term.part != WHOLE for term in terms):
        words = words[:next((at for at, word in enumerate(words) if word in WORN | OWNED), None)]
    return ' '.join(word for word in words if word not in SPELLINGS and word not in FILLERS)


def _part(words: list[str], index: int) -> str | None:
    """Of what part of the thing the colour word at ``index`` speaks; None if of none, as in "with black hair"."""
    following = next((word for word in words[index + 1:] if word not in FILLERS and word not in SPELLINGS), None)
    if following in UPPER_GARMENTS:
        return UPPER
    if following in LOWER_GARMENTS:
        return LOWER
    before = set(words[:index])
    if before & WORN:
        return UPPER if following is None else None
    if before & OWNED or following is None and not before & {'is', 'are'}:
        return None  # of a thing it has; or itself a thing, an orange
    return WHOLE
