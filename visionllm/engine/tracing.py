"""Teach which pixels of its close-up a token's object has, and so its outline; no language model is run."""

import torch
from mmdet.registry import HOOKS
from torch import nn

from visionllm.models.heads.selection import pad_selection
from visionllm.models.samples import target_of
from visionllm.structures import ImageTokens, Mean, Target

from .lesson import Lesson


@HOOKS.register_module()
class TeachTracing(Lesson):
    """Train the mask branch of the tuples' head on objects' outlines.

    Arguments as of ``Lesson``.
    """

    shown = ('loss_mask', )

    def parts(self, model) -> list[nn.Module]:
        """The mask branch.

        Raises:
            ValueError: There is none, or nothing that it could look at.
        """
        if model.heads['tuples'].mask_branch is None or model.second_look is None:
            raise ValueError('TeachTracing needs something to teach, and close-ups to see masks in: set mask_branch in '
                             'model.heads.tuples, and model.second_look.')
        return [model.heads['tuples'].mask_branch]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of the tokens that are paired with an object."""
        data = model.data_preprocessor(batch, training=True)
        targets = [target_of(sample) for sample in data['data_samples']]
        return model.heads['tuples'].mask_loss(look_at_objects(model, data, targets), targets)


@torch.no_grad()
def look_at_objects(model, data: dict, targets: list[Target]) -> ImageTokens:
    """The image tokens that are paired with an object, padded, after a second look at them; one elsewhere costs more
    than all the rest of a lesson. What looks learns nothing from it; ``targets`` learn their pairs."""
    layers, pad_mask = model.first_look(data['inputs'], data['data_samples'])
    model.tokenizer_loss(layers[-1:], targets)
    paired, _ = pad_selection([target.pairs[0] for target in targets])
    for target in targets:
        objects = target.pairs[1]
        target.pairs = torch.arange(len(objects), device=objects.device), objects
    model.second_look.eval()
    return model.second_look(data['inputs'], pad_mask, layers[-1].pick(paired))
