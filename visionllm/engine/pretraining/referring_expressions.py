"""Referring expressions: the guidance learns which detections of a published detector an expression means. No image is
looked at but by the detector, whose detections are remembered.

Dimensions: B images, M image tokens.
"""

import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.datasets.seeded_sampling import seeded_generator
from visionllm.errors import ConfigError
from visionllm.models.heads.expression_guidance import ExpressionGuidance
from visionllm.models.samples import build_target, referring_text
from visionllm.structures import ImageTokens, LossTerm, TextFeatures

from .exercises import draw, wide_corpus
from .stage import PretrainingStage

MIN_IOU = 0.5  # of a token that is right
SCORE_WEIGHT = 10.0  # of the mean over tokens; with that of their sum nothing else is learned


@TASK_UTILS.register_module()
class ReferringExpressions(PretrainingStage):
    """Train the ``ExpressionGuidance`` of a ``VocabularyReader`` on referring expressions.

    What the language model would read of an expression is taken to be right: the class that the detector gives the
    object.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_expression', 'loss_referral', 'loss_score', 'acc_referral')

    def __init__(self, name: str, steps: int, lr: float = 1e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None):
        super().__init__(name, steps, lr, dataset_weights, batch_size)

    def check(self, model: nn.Module) -> None:
        if getattr(model.heads['tuples'].class_reader, 'expression_guidance', None) is None:
            raise ConfigError(f'{self.name} trains expression guidance: set expression_guidance in '
                              'model.heads.tuples.class_reader.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The expression guidance."""
        return [model.heads['tuples'].class_reader.expression_guidance]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Cross-entropy over the tokens of an image, and binary cross-entropy of each, so that scores mean something.
        Images without a right token are left out of the former. And the cross-entropy of telling expressions from
        names."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        tokens = model.run_connector(data['inputs'], samples)[0][-1]
        overlaps = overlaps_with_objects(tokens, [build_target(sample).boxes for sample in samples])
        target = (overlaps >= MIN_IOU).float()  # [B, M]
        guidance, = self.parts(model)
        expressions = [referring_text(sample) for sample in samples]
        text = guidance.encode(model.llm, expressions)
        scores = scores_of_best_class(tokens, overlaps)
        logits = scores + guidance.guide(text, tokens, scores)
        findable = target.any(1)
        share = (target / target.sum(1, keepdim=True).clamp_min(1))[findable]
        correct = target.gather(1, logits.argmax(1, keepdim=True))[findable].sum()
        return dict(
            loss_expression=self._expression_loss(guidance, model.llm, expressions, text),
            loss_referral=LossTerm(F.cross_entropy(logits[findable], share, reduction='sum'), len(share)),
            loss_score=LossTerm(SCORE_WEIGHT * F.binary_cross_entropy_with_logits(logits, target, reduction='sum'),
                                target.numel()),
            acc_referral=LossTerm(100 * correct, len(share)))

    def _expression_loss(self, guidance: ExpressionGuidance, llm: nn.Module, expressions: list[str],
                     text: TextFeatures) -> LossTerm:
        """Binary cross-entropy of telling expressions, of which some are plain names, from as many names."""
        rng = seeded_generator()
        names = [draw(rng, wide_corpus().nouns) for _ in expressions]
        logits = torch.cat([guidance.expression_logits(each) for each in (text, guidance.encode(llm, names))])
        is_expression = [expression not in wide_corpus().nouns for expression in expressions] + [False] * len(names)
        entropy = F.binary_cross_entropy_with_logits(logits, logits.new_tensor(is_expression), reduction='sum')
        return LossTerm(entropy, len(logits))


@torch.no_grad()
def overlaps_with_objects(tokens: ImageTokens, boxes: list[Tensor]) -> Tensor:
    """Best IoU ``float[B, M]`` of each token with an object of its image, ``float[G, 4]`` cxcywh."""
    overlaps = [bbox_overlaps(bbox_cxcywh_to_xyxy(own), bbox_cxcywh_to_xyxy(objects)).amax(1) if len(objects)
                else own.new_zeros(len(own)) for own, objects in zip(tokens.boxes, boxes)]
    return pad_sequence(overlaps, batch_first=True)


@torch.no_grad()
def scores_of_best_class(tokens: ImageTokens, overlaps: Tensor) -> Tensor:
    """Log-odds ``float[B, M]`` of one class: the best of the token that overlaps most with the object."""
    index = torch.arange(len(overlaps), device=overlaps.device)
    best = tokens.class_logits[index, overlaps.argmax(1)].argmax(-1)  # [B]
    return tokens.class_logits[index, :, best]
