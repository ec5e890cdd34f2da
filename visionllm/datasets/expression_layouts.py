"""Referring expressions whose images are not there: where the objects lie that people spoke of, and what they said.

RefCOCO's expressions are published as text and boxes. That is enough to learn what "left guy" or "front cow" means.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import torch
from torch import Tensor

from visionllm.annotations.files import AnnotationError, describe_missing, record_errors
from visionllm.language.hyponyms import hyponyms_of
from visionllm.language.mentions import NameForms
from visionllm.language.synonyms import synonyms_of

from .referring_files import read_expressions


@dataclass(frozen=True)
class ExpressionLayout:
    """The objects of an image that expressions speak of."""
    boxes: Tensor  # float[n, 4] cxcywh in [0, 1]
    names: tuple[str, ...]  # class of each object
    expressions: tuple[tuple[str, ...], ...]  # of each object, at least one


def read_layouts(pattern: str, class_names: Sequence[str]) -> list[ExpressionLayout]:
    """Layouts of all files of a pattern, in the formats of ``read_expressions``; an image that is in several files is
    one layout. Expressions of several objects, or of none, are left out, and so are objects of no class.

    Args:
        pattern: Such as ``data/refcoco/REC_*.jsonl``.
        class_names: Of a detector. The class of an object is told by what is said of it.

    Raises:
        AnnotationError: There is no such file, it has another format, or nothing in it speaks of any class.
    """
    paths = sorted(glob(pattern))
    if not paths:
        raise AnnotationError(describe_missing(Path(pattern)))
    images: dict[object, dict[tuple, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        with record_errors(path):
            for sample in read_expressions(path):
                if len(sample['instances']) == 1:
                    box = normalized(sample['instances'][0]['bbox'], sample['width'], sample['height'])
                    images[sample['img_id']][box].append(sample['expression'])
    forms = NameForms({name: (name, *synonyms_of(name), *hyponyms_of(name)) for name in class_names})
    layouts = [layout for objects in images.values() if (layout := layout_of(objects, forms)) is not None]
    if not layouts:
        raise AnnotationError(f'{pattern} holds no expression that speaks of a class of the detector '
                              f'({", ".join(class_names[:3])} ...).')
    return layouts


def layout_of(objects: dict[tuple, list[str]], forms: NameForms) -> ExpressionLayout | None:
    """The layout of one image, from the expressions of each box; None if no class is known. An object whose
    expressions name none ("the one on the left") is of the class that is most frequent around it."""
    classes = {box: most_frequent(forms.first(text) for text in texts) for box, texts in objects.items()}
    around = most_frequent(classes.values())
    classes = {box: name or around for box, name in classes.items()}
    if around is None:
        return None
    return ExpressionLayout(torch.tensor(list(classes)), tuple(classes.values()), tuple(map(tuple, objects.values())))


def most_frequent(names: Iterable[str | None]) -> str | None:
    """The most frequent name, the first of several; None if there is none."""
    counts = Counter(name for name in names if name)
    return counts.most_common(1)[0][0] if counts else None


def normalized(box: Sequence[float], width: int, height: int) -> tuple[float, float, float, float]:
    """A box xyxy in pixels as cxcywh in [0, 1]; rounded, since files differ in the last digits."""
    left, top, right, bottom = (round(value / side, 4) for value, side in zip(box, (width, height, width, height)))
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
