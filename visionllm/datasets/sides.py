"""Left and right under a horizontal flip, top and bottom under a vertical one: in names of classes and keypoints, and
in texts."""

import re
from collections.abc import Sequence

import numpy as np

TEXT_KEYS = ('expression', 'question', 'answer', 'captions', 'turns')  # of samples

_OF_NAMES = dict(horizontal=dict(left='right', right='left', l='r', r='l'),
                 vertical=dict(top='bottom', bottom='top', upper='lower', lower='upper'))
_OF_TEXTS = dict(horizontal=dict(left='right', right='left'), vertical={
    **_OF_NAMES['vertical'], 'higher than': 'lower than', 'lower than': 'higher than', 'highest': 'lowest',
    'lowest': 'highest', 'above': 'below', 'below': 'above', 'over': 'under', 'under': 'over'})
for _sides in (_OF_NAMES, _OF_TEXTS):
    _sides['diagonal'] = _sides['horizontal'] | _sides['vertical']
_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+')  # leftEye, LEFT_EYE, l-eye
_SIDE = {direction: re.compile(rf'\b({"|".join(sorted(sides, key=len, reverse=True))})(?=\b|most|hand|ward)', re.I)
         for direction, sides in _OF_TEXTS.items()}


def mirrored_name(name: str, direction: str = 'horizontal') -> str:
    """Name of a class or a keypoint after a flip: "right eye" for "left eye", "R_hip" for "L_hip".

    Args:
        direction: ``horizontal``, ``vertical`` or ``diagonal``, which is both.
    """
    return _WORD.sub(lambda match: _mirrored_word(match[0], _OF_NAMES[direction]), name)


def mirrored_text(text: str, direction: str = 'horizontal') -> str:
    """A text after a flip, "the rightmost dog" for "the leftmost dog"; arguments as of ``mirrored_name``."""
    return _SIDE[direction].sub(lambda match: _mirrored_word(match[0], _OF_TEXTS[direction]), text)


def _mirrored_word(word: str, sides: dict[str, str]) -> str:
    """The other side in the same capitals; any other word as it is."""
    other = sides.get(word.lower(), word)
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() and other != word else other


def flip_sides(results: dict) -> None:
    """Exchange sides in the labels and texts of a sample whose image was flipped, in place.

    An object of the class "left hand" becomes one of "right hand"; where there is no such class it is ignored.
    """
    if not results.get('flip'):
        return
    direction = results['flip_direction']
    for key in TEXT_KEYS:
        if key in results:
            results[key] = _mirrored(results[key], direction)
    if 'expression' in results:
        results['text'] = _mirrored(results['text'], direction)
    elif 'gt_bboxes_labels' in results:
        _exchange_labels(results, direction)


def _mirrored(texts: str | Sequence[str], direction: str) -> str | Sequence[str]:
    if isinstance(texts, str):
        return mirrored_text(texts, direction)
    return type(texts)(mirrored_text(text, direction) for text in texts)


def _exchange_labels(results: dict, direction: str) -> None:
    names = list(results['text'])
    mirrored = [mirrored_name(name, direction) for name in names]
    moved = [index for index, name in enumerate(names) if mirrored[index] != name]
    if not moved:
        return
    exchanged = {index: names.index(mirrored[index]) for index in moved if mirrored[index] in names}
    lost = [index for index in moved if index not in exchanged and _SIDE[direction].search(names[index])]
    labels = results['gt_bboxes_labels']
    results['gt_bboxes_labels'] = np.array([exchanged.get(label, label) for label in labels.tolist()], labels.dtype)
    results['gt_ignore_flags'] = results['gt_ignore_flags'] | np.isin(labels, lost)
