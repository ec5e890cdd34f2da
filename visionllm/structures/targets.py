"""Ground truth of an image, for all tasks.

Dimensions: G objects, I ignored ones, N points of the output tuple, P contour points, K classes of an instruction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Target:
    """Ground truth of an image; coordinates are in [0, 1] of the resized image's width and height."""
    boxes: Tensor  # float[G, 4] cxcywh
    labels: Tensor  # int[G], indices into names
    points: Tensor  # float[G, N, 2], points of the output tuple: corners, polygon or keypoints; NaN where unannotated
    contours: Tensor  # float[G, P, 2], densely sampled, starting at the top; P = 0 where there are none
    names: tuple[str, ...]  # classes of the dataset; the referring expression in grounding
    names_are_classes: bool = True  # False for a referring expression, which is no target of token classification
    annotated: bool = True  # False: objects are not annotated, so there are no negatives either
    unverified_names: frozenset[str] = frozenset()  # classes that are not annotated exhaustively in this image
    ignored_boxes: Tensor = field(default_factory=lambda: torch.zeros(0, 4))
    # float[I, 4] cxcywh: crowds and difficult objects, which are neither objects nor background
    turns: tuple[str, ...] = ()  # text of a conversation: answer, question, answer, ...
    captions: tuple[str, ...] = ()  # of the image, each of them an answer where there are no turns
    matches: tuple[Tensor, Tensor] = field(default_factory=lambda: (torch.zeros(0, dtype=torch.long), ) * 2)
    # int[m] each: indices of image tokens and of the objects matched to them

    def answers(self) -> list[tuple[str, ...]]:
        """The texts that answer the instruction, each as turns."""
        return [self.turns] if self.turns or not self.captions else [(caption, ) for caption in self.captions]

    def unverified_mask(self, class_names: Sequence[str]) -> Tensor:
        """``bool[K]`` of class names: True = not annotated exhaustively, so an absent annotation is no negative."""
        return torch.tensor([name in self.unverified_names for name in class_names], device=self.labels.device)

    def select_classes(self, class_names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Select the objects whose class is in a class set.

        Args:
            class_names: K names.

        Returns:
            Mask ``bool[G]`` of the selected objects, and the indices of their classes in ``class_names``, ``int[n]``
            of the n selected objects.
        """
        index = {name: k for k, name in enumerate(class_names)}
        table = torch.tensor([index.get(name, -1) for name in self.names], dtype=torch.long, device=self.labels.device)
        classes = table[self.labels]
        return classes >= 0, classes[classes >= 0]
