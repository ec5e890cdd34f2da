"""What a published detector says of a batch of images.

Dimensions: B images, M detections per image, K classes of the detector, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .tokens import gather_tokens

MIN_SCORE = 1e-6  # of a class that was not reported; its log-odds are finite


def log_odds(probability: Tensor) -> Tensor:
    """Finite log-odds ``float[...]`` of probabilities ``float[...]``."""
    return probability.clamp(MIN_SCORE, 1 - MIN_SCORE).logit()


@dataclass
class Detections:
    """M boxes of each image with the scores of all classes, best first after ``top``."""
    boxes: Tensor  # float[B, M, 4] cxcywh in [0, 1] of the image
    class_logits: Tensor  # float[B, M, K] log-odds of each class by itself
    embeddings: Tensor  # float[B, M, C]

    @property
    def objectness(self) -> Tensor:
        """``float[B, M]``: log-sum-exp of the class logits, so that a token's best class keeps its own score."""
        return self.class_logits.logsumexp(-1)

    def top(self, count: int) -> 'Detections':
        """The ``count`` detections of each image with the highest objectness, best first."""
        index = self.objectness.topk(min(count, self.boxes.shape[1])).indices
        return Detections(*(gather_tokens(each, index) for each in (self.boxes, self.class_logits, self.embeddings)))

    def select(self, image: int) -> 'Detections':
        """Those of one image, ``B = 1``."""
        return Detections(*(each[image:image + 1] for each in (self.boxes, self.class_logits, self.embeddings)))

    def to(self, device: torch.device | str) -> 'Detections':
        """The same on another device."""
        return replace(self, boxes=self.boxes.to(device), class_logits=self.class_logits.to(device),
                       embeddings=self.embeddings.to(device))


def pad_detections(images: Sequence[Detections]) -> Detections:
    """Detections of images of different M, ``B = 1`` each, as one batch; padding has the smallest scores."""
    low = torch.logit(torch.tensor(MIN_SCORE)).item()
    return Detections(*(pad_sequence([getattr(each, name)[0] for each in images], batch_first=True, padding_value=value)
                        for name, value in (('boxes', 0.0), ('class_logits', low), ('embeddings', 0.0))))


def group_by_box(boxes: Tensor, scores: Tensor, labels: Tensor, num_classes: int) -> Detections:
    """Detections of one class each as detections that hold the scores of all classes reported for a box.

    Args:
        boxes: ``float[n, 4]`` cxcywh in [0, 1].
        scores: ``float[n]`` probabilities.
        labels: ``int[n]`` in [0, K).
        num_classes: K.

    Returns:
        Of one image; the embeddings are the class logits.
    """
    unique, index = torch.unique(boxes, dim=0, return_inverse=True)
    table = scores.new_full((max(len(unique), 1), num_classes), MIN_SCORE)
    table.view(-1).scatter_reduce_(0, index * num_classes + labels, scores.clamp(MIN_SCORE, 1 - MIN_SCORE), 'amax')
    if len(unique) == 0:  # an image without a detection still has one token
        unique = boxes.new_zeros(1, 4)
    logits = torch.logit(table)[None]
    return Detections(unique[None], logits, logits)
