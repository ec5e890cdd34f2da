"""Teach the snake to follow edges, from where the tokenizer's outlines are; no language model is run."""

import torch
from mmdet.registry import HOOKS
from torch import Tensor, nn

from visionllm.models.heads.selection import pad_selection
from visionllm.models.samples import target_of
from visionllm.structures import ImageTokens, Mean, Target

from .lesson import Lesson


@HOOKS.register_module()
class TeachTracing(Lesson):
    """Train the snake of the second look on objects' outlines.

    Arguments as of ``Lesson``.
    """

    shown = ('loss_ring', )

    def parts(self, model) -> list[nn.Module]:
        """The snake.

        Raises:
            ValueError: There is none, or no outline for it to start from.
        """
        if model.connector.ring_branch is None or model.second_look is None or model.second_look.snake is None:
            raise ValueError('TeachTracing needs outlines and a snake: set ring_points in model.connector and '
                             'snake_rounds in model.second_look.')
        return [model.second_look.snake]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of the outlines of those tokens that are paired with an object: a snake elsewhere costs as much."""
        data = model.data_preprocessor(batch, training=True)
        targets = [target_of(sample) for sample in data['data_samples']]
        tokens, pad_mask = first_look_at_objects(model, data, targets)
        model.second_look.eval()  # what it knows is used, not changed
        model.second_look.snake.train()
        tokens = model.second_look(data['inputs'], pad_mask, tokens)
        return dict(loss_ring=model.tokenizer_loss([tokens], targets)['loss_ring'])


@torch.no_grad()
def first_look_at_objects(model, data: dict, targets: list[Target]) -> tuple[ImageTokens, Tensor]:
    """The image tokens that are paired with an object, before a second look, padded; and where the pictures are
    pictures. ``targets`` learn their pairs."""
    layers, pad_mask = model.first_look(data['inputs'], data['data_samples'])
    model.tokenizer_loss(layers[-1:], targets)
    paired, _ = pad_selection([target.pairs[0] for target in targets])
    return layers[-1].pick(paired), pad_mask
