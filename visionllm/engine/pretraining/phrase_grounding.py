"""Phrase grounding: token guidance learns which objects a phrase refers to, on crops at ground truth boxes.

Dimensions: B images, M boxes of the image with most.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.models.connectors.language_guided import sigmoid_focal_loss
from visionllm.models.samples import normalized_boxes, referring_text
from visionllm.structures import ImageTokens, LossTerm

from .roi_classification import OBJECTNESS_LOGIT, tokens_from_crops
from .stage import PretrainingStage

BACKGROUND_BOXES = 3  # per image, at random


@TASK_UTILS.register_module()
class PhraseGrounding(PretrainingStage):
    """Train the token guidance on phrases whose images' other objects are known
    (``ReferringDataset(with_other_objects=True)``), and on instructions that refer to everything.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_focal', 'loss_softmax', 'acc_grounding')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The token guidance, and the text encoder where it is trained at all."""
        return [model.refiners['guidance'], model.text_encoder]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Focal loss on each token's objectness, and cross-entropy over the tokens of an image: with the focal loss
        alone the text is ignored for longer than the stage lasts. The accuracy is that of the best token."""
        data = model.data_preprocessor(batch, training=True)
        tokens, target = self.tokens_and_target(model, data)
        text = model.encode_text([referring_text(sample) for sample in data['data_samples']])
        logits = model.refiners['guidance'](tokens, None, None, text).objectness
        correct = target.gather(1, logits.argmax(1, keepdim=True)).sum()
        share = target / target.sum(1, keepdim=True).clamp_min(1)
        return dict(loss_focal=LossTerm(sigmoid_focal_loss(logits, target).sum(), target.sum()),
                    loss_softmax=LossTerm(F.cross_entropy(logits, share, reduction='sum'), len(logits)),
                    acc_grounding=LossTerm(100 * correct, len(logits)))

    @torch.no_grad()
    def tokens_and_target(self, model: nn.Module, data: dict) -> tuple[ImageTokens, Tensor]:
        """Tokens on other objects, on referred ones and on background; and ``float[B, M]``, 1 for referred ones."""
        boxes, referred = [], []
        for sample in data['data_samples']:
            others, own = (normalized_boxes(sample, each) for each in (sample.ignored_instances, sample.gt_instances))
            boxes.append(torch.cat([others, own, torch.rand(BACKGROUND_BOXES, 4, device=own.device)]))
            referred.append(torch.tensor([0.0] * len(others) + [1.0] * len(own) + [0.0] * BACKGROUND_BOXES))
        model.refiners['roi'].eval()  # used, not changed
        tokens = tokens_from_crops(model, data, boxes)
        for objectness, each in zip(tokens.objectness, boxes):
            objectness[len(each) - BACKGROUND_BOXES:] = -OBJECTNESS_LOGIT
        return tokens, pad_sequence(referred, batch_first=True).to(tokens.objectness)
