"""Alignment of image tokens with the embeddings of class names (an addition to the paper).

Two losses act on the projected token. Its similarity to the names, together with objectness, is a classifier that
should be as uncertain as its target. As an input of the language model it should be close to the embedding of its most
likely name: language models read words, and an embedding between several names is none.

Dimensions: B images, M image tokens, K class names, E width of the language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from visionllm.structures import LossTerm

from ..similarity import embedding_distance, similarity_logits
from .ignore_unverified import mask_unverified

DISTANCE_WEIGHT = 5.0  # of the distance to the name's embedding, against the classification loss
SHARPNESS = 4


@MODELS.register_module()
class NameAlignment(nn.Module):
    """Similarity classifier and alignment loss of projected image tokens.

    Args:
        loss_weight: Of the alignment loss.
        in_score: Add the similarity to the class logits that the language model gives: a residual connection around
            the frozen model, which can be trained without running it.
    """

    def __init__(self, loss_weight: float = 1.0, in_score: bool = True):
        super().__init__()
        self.loss_weight, self.in_score = loss_weight, in_score
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, embeddings: Tensor, names: Tensor) -> Tensor:
        """Logits ``float[B, M, K]`` of tokens ``float[B, M, E]`` by similarity to names ``float[K, E]`` (shared) or
        ``float[B, K, E]``."""
        return similarity_logits(embeddings, names, self.log_scale)

    def loss(self, embeddings: Tensor, names: Tensor, objectness: Tensor, target: Tensor,
             unverified: Sequence[Tensor] = ()) -> dict[str, LossTerm]:
        """Alignment loss, and the accuracy on tokens that have an object.

        Args:
            embeddings: ``float[B, M, E]``.
            names: ``float[K, E]``, embeddings of all class names of the dataset.
            objectness: ``float[B, M, 1]`` logits.
            target: ``float[B, M, K + 1]``, probability of each class and of no object; all 0 for ignored tokens.
            unverified: ``bool[K]`` of each image, classes that may have unannotated objects; none if empty.
        """
        similarity = self(embeddings, names)
        label = target.argmax(-1)
        has_object = target[..., :-1].amax(-1) > target[..., -1]
        logits = mask_unverified(append_no_object(similarity + objectness), ~has_object, unverified)
        entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1), reduction='sum')
        distance = embedding_distance(embeddings, sharpen(target[..., :-1]) @ names, names)
        any_object = target[..., :-1].sum(-1)
        correct = (similarity.argmax(-1) == label)[has_object]
        total = self.loss_weight * (entropy + DISTANCE_WEIGHT * (any_object * distance).sum())
        return dict(loss_name=LossTerm(total, any_object.sum()),
                    acc_name=LossTerm(100 * correct.sum(), has_object.sum()))


def sharpen(probability: Tensor) -> Tensor:
    """``float[..., K]`` that sums to 1 and concentrates on the most likely class; rows of zeros stay zero."""
    power = probability**SHARPNESS
    return power / power.sum(-1, keepdim=True).clamp_min(1e-30)


def append_no_object(logits: Tensor) -> Tensor:
    """Append a no-object logit of 0: ``float[..., K]`` to ``float[..., K + 1]``."""
    return F.pad(logits, (0, 1))
