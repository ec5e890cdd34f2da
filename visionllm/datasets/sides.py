"""Left and right under a horizontal flip: in names of classes and keypoints, and in texts."""

import re
from collections.abc import Sequence

import numpy as np

TEXT_KEYS = ('expression', 'question', 'answer', 'captions', 'turns')  # of samples

_SIDES = dict(left='right', right='left', l='r', r='l')
_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+')  # leftEye, LEFT_EYE, l-eye
_SIDE = re.compile(r'\b(left|right)(?=\b|most|hand|ward)', re.IGNORECASE)


def mirrored_name(name: str) -> str:
    """Name of a class or a keypoint after a horizontal flip: "right eye" for "left eye", "R_hip" for "L_hip"."""
    return _WORD.sub(lambda match: _mirrored_word(match[0], _SIDES), name)


def mirrored_text(text: str) -> str:
    """A text after a horizontal flip: "the rightmost dog" for "the leftmost dog"."""
    return _SIDE.sub(lambda match: _mirrored_word(match[0], _SIDES), text)


def _mirrored_word(word: str, sides: dict[str, str]) -> str:
    """The other side in the same capitals; any other word as it is."""
    other = sides.get(word.lower(), word)
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() and other != word else other


def flip_sides(results: dict) -> None:
    """Exchange left and right in the labels and texts of a sample whose image was flipped horizontally, in place.

    An object of the class "left hand" becomes one of "right hand"; where there is no such class it is ignored.
    """
    if not results.get('flip') or results['flip_direction'] == 'vertical':
        return
    for key in TEXT_KEYS:
        if key in results:
            results[key] = _mirrored(results[key])
    if 'expression' in results:
        results['text'] = _mirrored(results['text'])
    elif 'gt_bboxes_labels' in results:
        _exchange_labels(results)


def _mirrored(texts: str | Sequence[str]) -> str | Sequence[str]:
    return mirrored_text(texts) if isinstance(texts, str) else type(texts)(map(mirrored_text, texts))


def _exchange_labels(results: dict) -> None:
    names = list(results['text'])
    mirrored = [mirrored_name(name) for name in names]
    moved = [index for index, name in enumerate(names) if mirrored[index] != name]
    if not moved:
        return
    exchanged = {index: names.index(mirrored[index]) for index in moved if mirrored[index] in names}
    lost = [index for index in moved if index not in exchanged and _SIDE.search(names[index])]
    labels = results['gt_bboxes_labels']
    results['gt_bboxes_labels'] = np.array([exchanged.get(label, label) for label in labels.tolist()], labels.dtype)
    results['gt_ignore_flags'] = results['gt_ignore_flags'] | np.isin(labels, lost)
