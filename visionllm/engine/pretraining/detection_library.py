"""Detections of objects that have been seen, put in the place of objects of the same class whose images are not there.

Dimensions: B images, M image tokens, K classes of the detector, n objects, m detections of one object.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from visionllm.datasets.expression_layouts import ExpressionLayout
from visionllm.structures import ImageTokens

MIN_IOU = 0.5  # of the detections of an object
MIN_LOGIT = -4.0  # of their best class
PADDING_LOGIT = -20.0


class DetectionLibrary:
    """The detections of the objects and images that were added last.

    Args:
        class_names: Of the detector.
        size: Objects of each class, and images.
    """

    def __init__(self, class_names: Sequence[str], size: int = 200):
        self.class_names = tuple(class_names)
        self.objects: dict[str, deque] = defaultdict(lambda: deque(maxlen=size))
        self.images: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=size)

    def add(self, tokens: ImageTokens, boxes: Sequence[Tensor]) -> None:
        """Add all tokens of B images, and those of one object of each as detections of the class that they say.

        Args:
            boxes: ``float[G, 4]`` cxcywh of the annotated objects of each image; images with G = 1 are taken.
        """
        for index, target in enumerate(boxes):
            own = tuple(each[index, tokens.mask[index]].detach()
                        for each in (tokens.boxes, tokens.class_logits, tokens.objectness))
            self.images.append(own)
            if len(target) == 1:
                self._add_object(*own, target)

    def _add_object(self, boxes: Tensor, class_logits: Tensor, objectness: Tensor, target: Tensor) -> None:
        overlaps = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(target))[:, 0]
        found = (overlaps >= MIN_IOU) & (class_logits.amax(-1) > MIN_LOGIT)
        if found.any():
            offsets = torch.cat([(boxes[found, :2] - target[:, :2]) / target[:, 2:],
                                 (boxes[found, 2:] / target[:, 2:]).log()], -1)  # [m, 4]
            name = self.class_names[class_logits[overlaps.argmax()].argmax()]
            self.objects[name].append((offsets, class_logits[found], objectness[found]))

    def paste(self, layouts: Sequence[ExpressionLayout], count: int, rng: np.random.Generator) -> ImageTokens:
        """Image tokens of B layouts: detections of an object of the class for each object, and beside them those of
        another image, but of none of these classes. The best ``count`` of each.

        The library must hold objects of all classes of the layouts (``holds``).
        """
        boxes, class_logits, objectness = zip(*(self._paste_one(layout, count, rng) for layout in layouts))
        return ImageTokens(embeddings=boxes[0].new_zeros(len(boxes), max(map(len, boxes)), 0),
                           boxes=pad_sequence(boxes, batch_first=True),
                           objectness=pad_sequence(objectness, batch_first=True, padding_value=PADDING_LOGIT),
                           class_logits=pad_sequence(class_logits, batch_first=True, padding_value=PADDING_LOGIT),
                           class_names=self.class_names)

    def holds(self, layout: ExpressionLayout) -> bool:
        """Whether there are objects of all classes of a layout."""
        return all(self.objects[name] for name in layout.names)

    def _paste_one(self, layout: ExpressionLayout, count: int,
                   rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``float[M, 4]``, class logits ``float[M, K]`` and objectness ``float[M]``, the best first."""
        parts = [self._others(set(layout.names), rng)]
        for box, name in zip(layout.boxes, layout.names):
            offsets, class_logits, objectness = self.objects[name][rng.integers(len(self.objects[name]))]
            box = box.to(offsets)
            placed = torch.cat([box[:2] + offsets[:, :2] * box[2:], box[2:] * offsets[:, 2:].exp()], -1)
            parts.append((placed, class_logits, objectness))
        boxes, class_logits, objectness = map(torch.cat, zip(*parts))
        best = class_logits.amax(-1).argsort(descending=True)[:count]
        return boxes[best], class_logits[best], objectness[best]

    def _others(self, names: set[str], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        boxes, class_logits, objectness = self.images[rng.integers(len(self.images))]
        kept = torch.tensor([self.class_names[label] not in names for label in class_logits.argmax(-1).tolist()])
        return boxes[kept], class_logits[kept], objectness[kept]
