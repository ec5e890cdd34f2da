"""Detections of objects that have been seen, in the place of objects of the same class whose images are not there.

Dimensions: B images, M image tokens, K classes of the detector, m detections of one object.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor

from visionllm.datasets.expression_layouts import ExpressionLayout
from visionllm.structures import Detections, ImageTokens
from visionllm.structures.detections import pad_detections

MIN_IOU = 0.5  # of a detection with its object
MIN_LOGIT = -4.0  # of the best class of an object's detections


class DetectionBank:
    """The detections of the objects and images that were added last: boxes and class logits.

    Args:
        class_names: Of the detector.
        size: Objects of each class, and images.
    """

    def __init__(self, class_names: Sequence[str], size: int = 200):
        self.class_names = tuple(class_names)
        self.objects: dict[str, deque[tuple[Tensor, Tensor]]] = defaultdict(lambda: deque(maxlen=size))
        self.images: deque[tuple[Tensor, Tensor]] = deque(maxlen=size)

    def add(self, tokens: ImageTokens, boxes: Sequence[Tensor]) -> None:
        """Add all tokens of B images, and those of one object of each as detections of the class that they say.

        Args:
            boxes: ``float[G, 4]`` cxcywh of the annotated objects of each image; objects of images with G = 1 are
                taken.
        """
        for index, target in enumerate(boxes):
            real = tokens.mask[index]
            own = tokens.boxes[index, real].detach(), tokens.class_logits[index, real].detach()
            self.images.append(own)
            if len(target) == 1:
                self._add_object(*own, target)

    def _add_object(self, boxes: Tensor, class_logits: Tensor, target: Tensor) -> None:
        overlaps = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(target))[:, 0]
        found = (overlaps >= MIN_IOU) & (class_logits.amax(-1) > MIN_LOGIT)
        if found.any():
            offsets = torch.cat([(boxes[found, :2] - target[:, :2]) / target[:, 2:],
                                 (boxes[found, 2:] / target[:, 2:]).log()], -1)  # [m, 4]
            name = self.class_names[class_logits[overlaps.argmax()].argmax()]
            self.objects[name].append((offsets, class_logits[found]))

    def holds(self, layout: ExpressionLayout) -> bool:
        """Whether there are objects of all classes of a layout."""
        return all(self.objects[name] for name in layout.names)

    def paste(self, layouts: Sequence[ExpressionLayout], count: int, rng: np.random.Generator) -> ImageTokens:
        """Image tokens of B layouts that the bank ``holds``: detections of an object of the class for each object, and
        beside them those of another image, but of none of these classes. The best ``count``, as a detector's tokens."""
        found = pad_detections([self._paste_one(layout, rng) for layout in layouts]).top(count)
        return ImageTokens(found.embeddings, found.boxes, found.objectness, class_logits=found.class_logits,
                           class_names=self.class_names)

    def _paste_one(self, layout: ExpressionLayout, rng: np.random.Generator) -> Detections:
        parts = [self._others(set(layout.names), rng)]
        for box, name in zip(layout.boxes, layout.names):
            offsets, class_logits = self.objects[name][rng.integers(len(self.objects[name]))]
            box = box.to(offsets)
            placed = torch.cat([box[:2] + offsets[:, :2] * box[2:], box[2:] * offsets[:, 2:].exp()], -1)
            parts.append((placed, class_logits))
        boxes, class_logits = (torch.cat(each)[None] for each in zip(*parts))
        return Detections(boxes, class_logits, embeddings=boxes[..., :0])

    def _others(self, names: set[str], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        boxes, class_logits = self.images[rng.integers(len(self.images))]
        kept = torch.tensor([self.class_names[label] not in names for label in class_logits.argmax(-1).tolist()])
        return boxes[kept], class_logits[kept]
