"""RoI classification: the RoI refiner learns names and boxes from crops at ground truth boxes, without backbone,
tokenizer or language model.

Dimensions: B images, M boxes of the image with most, G objects of an image.
"""

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.models.samples import batch_pixel_mask, build_target
from visionllm.structures import ImageTokens, LossTerm

from .stage import PretrainingStage

OBJECTNESS_LOGIT = 4.0  # of real boxes; negative for padding
BOX_NOISE = 0.05  # standard deviation in sides of a box, as a tokenizer's errors


@TASK_UTILS.register_module()
class RoIClassification(PretrainingStage):
    """Train the RoI refiner, and the heads' projectors behind it, on objects' names and boxes.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('acc_name', 'acc_word', 'loss_size')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The RoI refiner and the heads."""
        return [model.refiners['roi'], model.heads]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Alignment and box losses of tokens that have no embedding but that of their crop."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [build_target(sample) for sample in samples]
        tokens = tokens_from_crops(model, data, [target.boxes for target in targets])
        losses = model.connector_loss([tokens], targets)
        for head, members, _ in model.group_by_head(samples):
            losses |= head.alignment_loss(model.llm, tokens[members], [targets[i] for i in members])
        return losses


def tokens_from_crops(model: nn.Module, data: dict, boxes: list[Tensor]) -> ImageTokens:
    """Image tokens of the RoI refiner alone, at noisy boxes ``float[G, 4]`` (cxcywh in [0, 1]) of each image; padded
    to M."""
    counts = [len(each) for each in boxes]
    image = torch.repeat_interleave(torch.arange(len(boxes)), torch.tensor(counts)).to(data['inputs'].device)
    noisy = add_box_noise(torch.cat(boxes))[:, None]  # [n, 1, 4]: one image per box, no crops for padding
    blank = ImageTokens(noisy.new_zeros(len(noisy), 1, model.connector.embed_dims), noisy, noisy[..., 0])
    pixel_mask = batch_pixel_mask(data['inputs'], data['data_samples'])
    tokens = model.refiners['roi'](blank, data['inputs'][image], pixel_mask[image])
    embeddings, refined = (pad_sequence(each[:, 0].split(counts), batch_first=True)
                           for each in (tokens.embeddings, tokens.boxes))
    objectness = [noisy.new_full((count, ), OBJECTNESS_LOGIT) for count in counts]
    return ImageTokens(embeddings, refined,
                       pad_sequence(objectness, batch_first=True, padding_value=-OBJECTNESS_LOGIT))


def add_box_noise(boxes: Tensor) -> Tensor:
    """Boxes ``float[G, 4]`` (cxcywh) with Gaussian noise in proportion to their sides."""
    return (boxes + BOX_NOISE * boxes[:, 2:].repeat(1, 2) * torch.randn_like(boxes)).clamp(0.001, 1)
