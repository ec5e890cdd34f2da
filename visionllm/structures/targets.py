"""What a picture should be answered with. The instruction decides which part of it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Target:
    """A picture's truth, in [0, 1] of the resized picture."""
    boxes: Tensor  # float[G, 4] cxcywh, all objects
    labels: Tensor  # int[G], indices into names
    points: Tensor  # float[G, N, 2], what a tuple should say of each object: two corners, an outline, or points that
    # have names, NaN where nobody said where they are
    rings: Tensor  # float[G, P, 2], outlines of many points, from the top; none, P = 0, where they are not known
    names: tuple[str, ...]  # the picture's classes; in grounding, the one expression
    are_words: bool = True  # the names: an expression is none, so no image token learns to be it
    annotated: bool = True  # False: nobody has said which objects there are, not that there are none
    unchecked: frozenset[str] = frozenset()  # names that may have objects here which nobody has marked
    turns: tuple[str, ...] = ()  # what should be said, then asked, said, ... (captions, answers)
    pairs: tuple[Tensor, Tensor] = field(default_factory=lambda: (torch.zeros(0, dtype=torch.long), ) * 2)
    # image tokens, and the object that each is paired with

    def may_lack(self, class_names: Sequence[str]) -> Tensor:
        """Which of some class names may have objects here that nobody has marked: ``bool[K]``."""
        return torch.tensor([name in self.unchecked for name in class_names], device=self.labels.device)

    def named_by(self, class_names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """The objects that some class names name: ``bool[G]``, and the index of those objects' names."""
        place = {name: k for k, name in enumerate(class_names)}
        table = torch.tensor([place.get(name, -1) for name in self.names], dtype=torch.long, device=self.labels.device)
        classes = table[self.labels]
        return classes >= 0, classes[classes >= 0]
