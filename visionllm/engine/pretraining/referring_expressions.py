"""Referring expressions: the guidance learns which detections of a published detector an expression means. No image is
looked at but by the detector, whose detections are remembered; so expressions of which only the boxes are known, and
not the images, can be learned, too.

Dimensions: B images, M image tokens.
"""

from glob import glob
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.datasets.expression_layouts import ExpressionLayout, read_layouts
from visionllm.datasets.seeded_sampling import seeded_generator
from visionllm.errors import ConfigError
from visionllm.language.colour_terms import COLOURS
from visionllm.models.heads.expression_guidance import ExpressionGuidance
from visionllm.models.loss_reduction import merge_losses
from visionllm.models.samples import build_target, referring_text
from visionllm.structures import ImageTokens, LossTerm, TextFeatures

from .detection_bank import MIN_IOU, DetectionBank
from .exercises import draw, wide_corpus
from .stage import PretrainingStage

COLOURED_SHARE = 1 / 3  # of names that are told from expressions
SCORE_WEIGHT = 10.0  # of the mean over tokens; with that of their sum nothing else is learned


@TASK_UTILS.register_module()
class ReferringExpressions(PretrainingStage):
    """Train the ``ExpressionGuidance`` of a ``VocabularyReader`` on referring expressions.

    What the language model would read of an expression is taken to be right: the class that the detector gives the
    object.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        layouts: Files of expressions whose images are not there, as a pattern (``read_layouts``). Beside each batch
            stand as many of them, with detections from the batches before in the places of their objects.
    """

    logged = ('loss_expression', 'loss_referral', 'loss_score', 'acc_referral')

    def __init__(self, name: str, steps: int, lr: float = 1e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, layouts: str | None = None):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.layouts = layouts
        self._layouts: list[ExpressionLayout] = []
        self._bank = DetectionBank(())

    def check(self, model: nn.Module) -> None:
        """Raises:
            ConfigError: The model has no expression guidance.
            AnnotationError: The layouts cannot be read.
        """
        if getattr(model.heads['tuples'].class_reader, 'expression_guidance', None) is None:
            raise ConfigError(f'{self.name} trains expression guidance: set expression_guidance in '
                              'model.heads.tuples.class_reader.')
        if self.layouts:
            names = model.connector.detector.class_names
            self._layouts, self._bank = read_layouts(self.layouts, names), DetectionBank(names)

    def depends_on(self, model: nn.Module) -> list[object]:
        """The model, and the files of layouts."""
        return [model, *(Path(path).read_bytes() for path in sorted(glob(self.layouts or '')))]

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
        boxes = [build_target(sample).boxes for sample in samples]
        losses = self._referral_losses(model, tokens, boxes, [referring_text(sample) for sample in samples])
        if not self._layouts:
            return losses
        self._bank.add(tokens, boxes)
        rng = seeded_generator()
        drawn = [self._layouts[rng.integers(len(self._layouts))] for _ in samples]
        layouts = [each for each in drawn if self._bank.holds(each)]
        return merge_losses(losses, self._layout_losses(model, layouts, rng)) if layouts else losses

    def _layout_losses(self, model: nn.Module, layouts: list[ExpressionLayout],
                       rng: np.random.Generator) -> dict[str, LossTerm]:
        """Losses of one expression about one object of each layout."""
        tokens = self._bank.paste(layouts, model.connector.num_tokens, rng)
        meant = [int(rng.integers(len(layout.names))) for layout in layouts]
        expressions = [draw(rng, layout.expressions[index]) for layout, index in zip(layouts, meant)]
        boxes = [layout.boxes[[index]].to(tokens.boxes) for layout, index in zip(layouts, meant)]
        return self._referral_losses(model, tokens, boxes, expressions)

    def _referral_losses(self, model: nn.Module, tokens: ImageTokens, boxes: list[Tensor],
                         expressions: list[str]) -> dict[str, LossTerm]:
        """Losses of B expressions about the objects ``float[G, 4]`` of their images."""
        overlaps = overlaps_with_objects(tokens, boxes)
        target = (overlaps >= MIN_IOU).float()  # [B, M]
        guidance, = self.parts(model)
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
        names = [draw_name(rng) for _ in expressions]
        logits = torch.cat([guidance.expression_logits(each) for each in (text, guidance.encode(llm, names))])
        is_expression = [not is_name(expression) for expression in expressions] + [False] * len(names)
        entropy = F.binary_cross_entropy_with_logits(logits, logits.new_tensor(is_expression), reduction='sum')
        return LossTerm(entropy, len(logits))


def draw_name(rng: np.random.Generator) -> str:
    """A name of things, one in three with a colour."""
    name = draw(rng, wide_corpus().nouns)
    return f'{draw(rng, COLOURS)} {name}' if rng.random() < COLOURED_SHARE else name


def is_name(text: str) -> bool:
    """Whether a text is a name, which means all things that are called so: "dog", "red car"; or a single word."""
    colour, _, name = text.partition(' ')
    return not name or text in wide_corpus().nouns or colour in COLOURS and name in wide_corpus().nouns


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
