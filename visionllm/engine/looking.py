"""Teach the second look what things are, at the places where they truly are.

Nothing but the cut-outs is looked at: no backbone, no tokenizer, no language model.
"""

import torch
from mmdet.registry import HOOKS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.models.samples import real_pixels, target_of
from visionllm.structures import ImageTokens, Mean

from .lesson import Lesson

SURE = 4.0  # objectness of what is there, and of what is not its negative
JITTER = 0.05  # of a box's sides: places are off by that much (standard deviation), as a tokenizer's are


@HOOKS.register_module()
class TeachLooking(Lesson):
    """Train the second look, and the heads' projectors behind it, on objects' names and boxes.

    Arguments as of ``Lesson``.
    """

    shown = ('acc_name', 'acc_word', 'loss_extent')

    def parts(self, model) -> list[nn.Module]:
        """The second look and the heads."""
        return [model.second_look, model.heads]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of the heads' words and of the places, for tokens that have no first look."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [target_of(sample) for sample in samples]
        tokens = seen_close_up(model, data, [target.boxes for target in targets])
        losses = model.tokenizer_loss([tokens], targets)
        for head, members, _ in model.by_head(samples):
            losses |= head.word_loss(model.llm, tokens[members], [targets[i] for i in members])
        return losses


def seen_close_up(model, data: dict, places: list[Tensor]) -> ImageTokens:
    """Image tokens at known places ``float[G, 4]`` (cxcywh in [0, 1]), with a second look alone; padded."""
    counts = [len(place) for place in places]
    picture = torch.repeat_interleave(torch.arange(len(places)), torch.tensor(counts)).to(data['inputs'].device)
    boxes = nearly(torch.cat(places))[:, None]  # [n, 1, 4]: nothing is looked at twice, nor for padding
    blank = ImageTokens(boxes.new_zeros(len(boxes), 1, model.connector.embed_dims), boxes, boxes[..., 0])
    real = real_pixels(data['inputs'], data['data_samples'])
    seen = model.second_look(data['inputs'][picture], real[picture], blank)
    embeddings, boxes = (pad_sequence(each[:, 0].split(counts), batch_first=True)
                         for each in (seen.embeddings, seen.boxes))
    there = [boxes.new_full((count, ), SURE) for count in counts]
    return ImageTokens(embeddings, boxes, pad_sequence(there, batch_first=True, padding_value=-SURE))


def nearly(boxes: Tensor) -> Tensor:
    """Boxes ``float[G, 4]``, each a little off."""
    return (boxes + JITTER * boxes[:, 2:].repeat(1, 2) * torch.randn_like(boxes)).clamp(0.001, 1)
