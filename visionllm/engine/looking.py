"""Teach the second look what things are, at the places where they truly are.

Nothing but the cut-outs is looked at: no backbone, no tokenizer, no language model.
"""

import torch
from mmdet.registry import HOOKS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.models.visionllm import real_pixels, target_of
from visionllm.structures import ImageTokens, Target

from .lesson import Lesson

SURE = 4.0  # objectness of what is there, and of what is not its negative


@HOOKS.register_module()
class TeachLooking(Lesson):
    """Train the second look, and the heads' projectors behind it, on objects' names.

    Args:
        steps, lr, weights, cache: As in ``Lesson``.
        jitter: The places are off by that much of the box's sides (standard deviation), as a tokenizer's are.
    """

    shown = ('acc_name', 'acc_word')

    def __init__(self, steps: int, lr: float = 2e-3, jitter: float = 0.05, weights: list[float] | None = None,
                 cache: str | None = None):
        super().__init__(steps, lr, weights, cache)
        self.jitter = jitter

    def parts(self, model) -> list[nn.Module]:
        """The second look and the heads."""
        return [model.second_look, model.heads]

    def losses(self, model, batch: dict) -> dict[str, Tensor]:
        """Of the heads' words, for tokens that have no first look."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [target_of(sample) for sample in samples]
        blank = self._unseen(targets, model.connector.embed_dims)
        tokens = model.second_look(data['inputs'], real_pixels(data['inputs'], samples), blank)
        losses = {}
        for head, members, _ in model.by_head(samples):
            losses |= head.word_loss(model.llm, tokens[members], [targets[i] for i in members])
        return losses

    def _unseen(self, targets: list[Target], channels: int) -> ImageTokens:
        """Each object as a token that knows its place, and no more."""
        for target in targets:
            target.pairs = (torch.arange(len(target.boxes), device=target.boxes.device), ) * 2
        boxes = pad_sequence([self._nearly(target.boxes) for target in targets], batch_first=True)  # [B, G, 4]
        there = pad_sequence([torch.full_like(target.boxes[:, 0], 2 * SURE) for target in targets], batch_first=True)
        return ImageTokens(boxes.new_zeros(*boxes.shape[:2], channels), boxes, there - SURE)

    def _nearly(self, boxes: Tensor) -> Tensor:
        return (boxes + self.jitter * boxes[:, 2:].repeat(1, 2) * torch.randn_like(boxes)).clamp(0.001, 1)
