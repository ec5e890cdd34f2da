"""Teach image tokens which of them a phrase means, at the places where objects truly are.

What the second look knows already stands in for what a tokenizer sees; a phrase costs its reading and a few cut-outs.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS
from torch import Tensor, nn

from visionllm.models.connectors.language_guided import sigmoid_focal_loss
from visionllm.models.visionllm import boxes_in, target_of
from visionllm.structures import ImageTokens

from .lesson import Lesson
from .looking import SURE, seen_close_up

STRANGERS = 3  # tokens a picture that are on nothing


@HOOKS.register_module()
class TeachPointing(Lesson):
    """Train the token guidance on phrases whose pictures' other objects are known (``ReferringDataset(others=True)``),
    and on instructions that mean everything.

    Args:
        steps, lr, weights, cache, batch_size: As in ``Lesson``.
    """

    shown = ('loss_meant', 'loss_which', 'acc_meant')

    def __init__(self, steps: int, lr: float = 1e-3, weights: list[float] | None = None, cache: str | None = None,
                 batch_size: int | None = None):
        super().__init__(steps, lr, weights, cache, batch_size)

    def parts(self, model) -> list[nn.Module]:
        """The token guidance."""
        return [model.token_guidance]

    def losses(self, model, batch: dict) -> dict[str, Tensor]:
        """Of each token's being meant. The accuracy is of pictures: is the likeliest token one that is meant?"""
        data = model.data_preprocessor(batch, training=True)
        meant = [target_of(sample).boxes for sample in data['data_samples']]
        tokens = self._tokens(model, data, meant)
        target = torch.zeros_like(tokens.objectness)
        for row, boxes in zip(target, meant):
            row[:len(boxes)] = 1
        heard = model.token_guidance(tokens, model.guide(data['data_samples'])).objectness
        right = target.gather(1, heard.argmax(1, keepdim=True)).mean()
        # the focal loss says how likely; alone, it leaves the guidance deaf for longer than lessons last
        return dict(loss_meant=sigmoid_focal_loss(heard, target).sum() / target.sum().clamp_min(1),
                    loss_which=F.cross_entropy(heard, target / target.sum(1, keepdim=True).clamp_min(1)),
                    acc_meant=100 * right)

    @torch.no_grad()
    def _tokens(self, model, data: dict, meant: list[Tensor]) -> ImageTokens:
        """Tokens on what is meant, on what is not, and on the ground."""
        places = []
        for sample, boxes in zip(data['data_samples'], meant):
            others = boxes_in(sample, sample.ignored_instances)
            places.append(torch.cat([boxes, others, torch.rand(STRANGERS, 4, device=boxes.device)]))
        model.second_look.eval()  # what it knows is used, not changed
        tokens = seen_close_up(model, data, places)
        for there, place in zip(tokens.objectness, places):
            there[len(place) - STRANGERS:] = -SURE
        return tokens
