"""Teach image tokens which of them a phrase means, at the places where objects truly are.

What the second look knows already stands in for what a tokenizer sees; a phrase costs its reading and a few cut-outs.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.models.connectors.language_guided import sigmoid_focal_loss
from visionllm.models.samples import asked_for, boxes_in
from visionllm.structures import ImageTokens, Mean

from .lesson import Lesson
from .looking import SURE, seen_close_up

STRANGERS = 3  # tokens a picture that are on nothing


@HOOKS.register_module()
class TeachPointing(Lesson):
    """Train the token guidance on phrases whose pictures' other objects are known (``ReferringDataset(others=True)``),
    and on instructions that mean everything.

    Arguments as of ``Lesson``.
    """

    shown = ('loss_meant', 'loss_which', 'acc_meant')

    def parts(self, model) -> list[nn.Module]:
        """The token guidance, and the text encoder where it is trained at all."""
        return [model.token_guidance, model.text_encoder]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of each token's being meant. The accuracy is of pictures: is the likeliest token one that is meant?"""
        data = model.data_preprocessor(batch, training=True)
        tokens, target = self._tokens(model, data)
        text = model.guide([asked_for(sample) for sample in data['data_samples']])
        heard = model.token_guidance(tokens, text).objectness
        right = target.gather(1, heard.argmax(1, keepdim=True)).sum()
        # the focal loss says how likely; alone, it leaves the guidance deaf for longer than lessons last
        which = F.cross_entropy(heard, target / target.sum(1, keepdim=True).clamp_min(1), reduction='sum')
        return dict(loss_meant=Mean(sigmoid_focal_loss(heard, target).sum(), target.sum()),
                    loss_which=Mean(which, len(heard)), acc_meant=Mean(100 * right, len(heard)))

    @torch.no_grad()
    def _tokens(self, model, data: dict) -> tuple[ImageTokens, Tensor]:
        """Tokens on what is not meant, on what is, and on the ground; and ``float[B, M]``, 1 for what is meant."""
        places, meant = [], []
        for sample in data['data_samples']:
            others, boxes = (boxes_in(sample, objects) for objects in (sample.ignored_instances, sample.gt_instances))
            places.append(torch.cat([others, boxes, torch.rand(STRANGERS, 4, device=boxes.device)]))
            meant.append(torch.tensor([0.0] * len(others) + [1.0] * len(boxes) + [0.0] * STRANGERS))
        model.second_look.eval()  # what it knows is used, not changed
        tokens = seen_close_up(model, data, places)
        for there, place in zip(tokens.objectness, places):
            there[len(place) - STRANGERS:] = -SURE
        return tokens, pad_sequence(meant, batch_first=True).to(tokens.objectness)
