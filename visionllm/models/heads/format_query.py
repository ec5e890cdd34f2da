"""Output format as query (paper, section 3.3): the tuple named in the instruction becomes query tokens that are fed in
at once and decoded in parallel, one tuple per image token.

Dimensions: B images, M image tokens, K named classes, E width of the language model, q coordinates, n selected tuples,
N points, G objects of an image.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from visionllm.language import Instruction, OutputFormat
from visionllm.language.quantizer import bins_to_offsets, expected_bin, probability_within
from visionllm.structures import ImageTokens, LossTerm, Target
from visionllm.structures.contours import points_to_boxes
from visionllm.structures.tokens import gather_tokens

from ..box_position_embedding import BOX_EMBEDDING_CHANNELS
from ..fusion import chunk_tuples
from ..llms import CausalLM
from ..loss_reduction import merge_losses
from ..matching import hungarian_match, keep_overlapping, matched_labels, matched_one_hot
from ..token_features import token_features
from .class_pass import ClassPassOutput
from .class_reader import mask_padding
from .ignore_unverified import mask_unverified
from .ignored_boxes import unmatched_on_ignored
from .keypoint_branch import coordinate_embeddings
from .location_prior import Matches
from .name_alignment import append_no_object
from .postprocess import add_tuples_to_sample
from .query_embedding import QueryEmbedding
from .same_names import merge_same_names
from .sampling import pad_indices, sample_tuples


@MODELS.register_module()
class FormatQueryHead(BaseModule):
    """Sets of tuples, composed of parts that decode classes and coordinates.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        class_reader: Config of ``ClassMapReader``, or of ``VocabularyReader``.
        coordinates: Config of ``ParallelCoordinates`` (or ``AutoregressiveCoordinates``).
        alignment: Config of ``NameAlignment`` (an addition to the paper); None for none.
        objectness: Config of ``ObjectnessPrior`` (an addition); None for none.
        train_tuples: Tuples decoded per image in training: those matched to objects, and a random sample of the rest
            that is weighted to represent all of it. None decodes all.
        train_coordinates: Matched tuples per image whose coordinates are decoded in training; None for all.
        max_per_img: At most that many detections per image.
        score_thr: Coordinates are decoded only of tuples with at least this score, and of the best of each image.
    """

    def __init__(self, token_channels: int, llm_width: int, class_reader: dict, coordinates: dict,
                 alignment: dict | None = None, objectness: dict | None = None, train_tuples: int | None = None,
                 train_coordinates: int | None = None, max_per_img: int = 100, score_thr: float = 0.001):
        super().__init__()
        self.train_tuples, self.train_coordinates = train_tuples, train_coordinates
        self.max_per_img, self.score_thr = max_per_img, score_thr
        channels = token_channels + BOX_EMBEDDING_CHANNELS
        sizes = dict(channels=channels, llm_width=llm_width)
        self.class_reader = MODELS.build({**class_reader, **sizes})
        self.query_embedding = QueryEmbedding(channels, llm_width)
        self.alignment = MODELS.build(alignment) if alignment else None
        self.objectness = MODELS.build(objectness) if objectness else None
        self.coordinates = MODELS.build({**coordinates, **sizes, 'token_channels': token_channels})

    def supports(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in all that have a class, and points that it can place."""
        return not output_format.is_text and self.coordinates.supports(output_format)

    # ------------------------------------------------------------------ decoding

    def decode_classes(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                       with_coordinates: bool = False) -> tuple[Tensor, ClassPassOutput]:
        """Class logits of all image tokens.

        Args:
            with_coordinates: Decode the coordinates of all tuples in the same pass.

        Returns:
            Logits ``float[B, M, K + 1]``, the last of ``<none>``, K of the longest class set, very small beyond a
            shorter one; and what ``coordinates`` needs.
        """
        queries = llm.new_token_embeddings(['<cls>'])
        if with_coordinates:
            queries = torch.cat([queries, coordinate_embeddings(llm, instructions[0].output_format)])
        logits, output = self.class_reader.classify(llm, instructions, tokens, self.query_embedding, queries)
        if self.alignment is not None and self.alignment.in_score:
            names = embed_class_sets(llm, [instruction.read_names for instruction in instructions])
            logits = logits + append_no_object(self.alignment(output.embeddings, names))
        if self.objectness is not None and self.objectness.in_score:
            objectness = self.objectness(tokens).expand(*logits.shape[:-1], logits.shape[-1] - 1)
            logits = logits + append_no_object(objectness)
        output.tokens = tokens
        return mask_padding(logits, instructions), output

    # ------------------------------------------------------------------ training

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, LossTerm]:
        """Decode, match the tuples to the named objects, cross-entropy on classes and locations (paper, section 3.4).

        Samples with the same output format are decoded in one batch; an instruction that they share is read once.
        """
        losses = self.alignment_loss(llm, tokens, targets)
        for members in group_by_format(instructions):
            losses = merge_losses(losses, self._tuple_loss(llm, [instructions[i] for i in members], tokens[members],
                                                           [targets[i] for i in members]))
        return losses

    def alignment_loss(self, llm: CausalLM, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """Alignment of the image tokens with the class names of the objects matched to them; phrases have no part."""
        members = [i for i, target in enumerate(targets) if target.names_are_classes]
        if not members:
            return {}
        tokens, targets = tokens[members], [targets[i] for i in members]
        names, matches = targets[0].names, [target.matches for target in targets]
        label = matched_one_hot(matches, [target.labels for target in targets], tokens.boxes.shape[1], len(names))
        ignored = unmatched_on_ignored(tokens.boxes, [match[0] for match in matches],
                                       [target.ignored_boxes for target in targets])
        return self.name_loss(llm, list(names), tokens, label.masked_fill(ignored[..., None], 0),
                              [target.unverified_mask(names) for target in targets])

    def name_loss(self, llm: CausalLM, names: list[str], tokens: ImageTokens, target: Tensor,
                  unverified: Sequence[Tensor] = ()) -> dict[str, LossTerm]:
        """``NameAlignment.loss`` of image tokens; the language model is not run.

        Args:
            names: All K classes of the dataset.
            target: ``float[B, M, K + 1]``, probability of each class and of no object; all 0 for ignored tokens.
            unverified: ``bool[K]`` of each image, classes that may have unannotated objects; none if empty.
        """
        if self.alignment is None:
            return {}
        embeddings = self.class_reader.embed(token_features(tokens))
        objectness = self.objectness(tokens) if self.objectness is not None else tokens.objectness[..., None]
        return self.alignment.loss(embeddings, embed_class_sets(llm, [names])[0], objectness, target, unverified)

    def _tuple_loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                    targets: list[Target]) -> dict[str, LossTerm]:
        """Losses of samples with one output format."""
        named, classes = zip(*[target.select_classes(instruction.class_names)
                               for target, instruction in zip(targets, instructions)])
        boxes = [target.boxes[keep] for target, keep in zip(targets, named)]
        points = [target.points[keep] for target, keep in zip(targets, named)]
        tokens, weight = sample_tuples(tokens, [target.matches[0] for target in targets], self.train_tuples)
        logits, output = self.decode_classes(llm, instructions, tokens)
        matches = self._match(logits, tokens, boxes, classes)
        unverified = [t.unverified_mask(instruction.class_names) for t, instruction in zip(targets, instructions)]
        ignored = unmatched_on_ignored(tokens.boxes, [match[0] for match in matches],
                                       [target.ignored_boxes for target in targets])
        losses = class_losses(logits, classes, matches, weight.masked_fill(ignored, 0), unverified,
                              self.class_reader.token_loss)
        output_format = instructions[0].output_format
        decode = partial(self.coordinates, llm, self.query_embedding, output_format, output)
        limit = self.train_coordinates or tokens.objectness.shape[1]
        losses |= self.coordinates.loss(decode, output_format, tokens, points, matches, limit)
        prior = self.coordinates.location_prior
        if output_format.is_polygon and prior is not None and prior.mask_branch is not None:
            contours = [target.contours[keep] for target, keep in zip(targets, named)]
            losses |= prior.mask_loss(tokens, contours, matches, limit)
        return losses

    def _match(self, logits: Tensor, tokens: ImageTokens, gt_boxes: list[Tensor], gt_classes: list[Tensor]) -> Matches:
        probability = self.class_reader.scores(logits)
        center_only = bool((tokens.boxes[..., 2:] == 0).all())  # a tokenizer without box refinement
        matches = [hungarian_match(-probability[b][:, gt_classes[b]], tokens.boxes[b], gt_boxes[b],
                                   center_only=center_only) for b in range(len(gt_boxes))]
        if not self.class_reader.min_match_iou:
            return matches
        return [keep_overlapping(match, tokens.boxes[b], gt_boxes[b], self.class_reader.min_match_iou)
                for b, match in enumerate(matches)]

    # ------------------------------------------------------------------ prediction

    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """Detections of each image, best first.

        Returns:
            ``bboxes`` ``float[n, 4]`` (xyxy in [0, 1]), ``scores`` ``float[n]``, ``labels`` ``int[n]`` (index in the
            instruction's class set), ``tuples`` ``int[n]`` (image token) and ``points`` ``float[n, N, 2]``. For
            keypoints ``bboxes`` are the tokenizer's, and ``keypoint_scores`` is ``float[n, N]``; of polygons that are
            cut out of masks ``mask_scores`` is ``float[n]``.
        """
        results = {}
        for members in group_by_format(instructions):
            results |= zip(members, self._predict(llm, [instructions[i] for i in members], tokens[members]))
        return [results[i] for i in range(len(instructions))]

    def add_pred_to_sample(self, sample: DetDataSample, instructions: Sequence[Instruction],
                           predictions: Sequence[InstanceData], rescale: bool) -> None:
        """Add the predictions for one instruction, or for several that each name a group of the classes."""
        add_tuples_to_sample(sample, instructions, predictions, rescale, self.max_per_img)

    def _predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """Predictions for instructions with one output format."""
        output_format = instructions[0].output_format
        with_coordinates = self.class_reader.reads_tokens and self.coordinates.fit_in_class_pass(output_format, tokens)
        logits, output = self.decode_classes(llm, instructions, tokens, with_coordinates)
        scores = merge_same_names(self.class_reader.scores(logits), instructions)  # [B, M, K]
        scores = scores.masked_fill(~tokens.mask[..., None], 0)
        classes = scores.shape[-1]
        top, index = scores.flatten(1).topk(min(self.max_per_img, scores[0].numel()))
        likely = (top >= self.score_thr) & (top > 0)  # beyond a shorter class set, and of padding, it is 0
        likely[:, 0] = True
        kept = [row[keep] for row, keep in zip(index, likely)]
        decoded = [torch.unique(k // classes) for k in kept]
        located = self._points(llm, output_format, output, tokens, pad_indices(decoded)[0])
        results = []
        for b, pair in enumerate(kept):
            result = InstanceData(scores=scores[b].flatten()[pair], labels=pair % classes, tuples=pair // classes)
            position = torch.searchsorted(decoded[b], pair // classes)
            for name, values in located.items():
                setattr(result, name, values[b, position])
            result.bboxes = points_to_boxes(result.points)
            if output_format.has_point_names:
                result.bboxes = bbox_cxcywh_to_xyxy(tokens.boxes[b, result.tuples]).clamp(0, 1)
            results.append(result)
        return results

    def _points(self, llm: CausalLM, output_format: OutputFormat, output: ClassPassOutput, tokens: ImageTokens,
                selected: Tensor) -> dict[str, Tensor]:
        """``points`` ``float[B, n, N, 2]`` in [0, 1] of tuples ``int[B, n]``; and ``keypoint_scores``
        ``float[B, n, N]`` or ``mask_scores`` ``float[B, n]``, where there are any."""
        bins, scores = [], defaultdict(list)
        for chunk in chunk_tuples(selected, len(output_format.coordinate_tokens)):
            logits, mask_scores = self.coordinates(llm, self.query_embedding, output_format, output, chunk)
            bins.append(expected_bin(logits))
            if output_format.has_point_names:
                within = probability_within(logits, bins[-1])
                scores['keypoint_scores'].append(within.unflatten(-1, (-1, 2)).prod(-1))
            if mask_scores is not None:
                scores['mask_scores'].append(mask_scores)
        offsets = bins_to_offsets(torch.cat(bins, 1)).unflatten(-1, (-1, 2))
        points = (offsets + gather_tokens(tokens.centers, selected)[:, :, None]).clamp(0, 1)
        return dict(points=points) | {name: torch.cat(each, 1) for name, each in scores.items()}


@torch.no_grad()
def embed_class_sets(llm: CausalLM, class_sets: list[Sequence[str]]) -> Tensor:
    """Embeddings of class names, ``float[B, K, E]``, K of the longest class set; shorter ones are padded with any
    name."""
    index_of = {name: index for index, name in enumerate(dict.fromkeys(chain(*class_sets)))}
    embeddings = llm.embed_names(list(index_of))
    index = [torch.tensor([index_of[name] for name in names], device=embeddings.device) for names in class_sets]
    return embeddings[pad_sequence(index, batch_first=True)]


def class_losses(logits: Tensor, gt_classes: Sequence[Tensor], matches: Matches, weight: Tensor,
                 unverified: list[Tensor],
                 token_loss: Callable[[Tensor, Tensor], Tensor]) -> dict[str, LossTerm]:
    """Loss over the named classes and no-object, per matched object; and accuracy on matched tokens.

    Args:
        logits: ``float[B, M, K + 1]``.
        gt_classes: ``int[G]`` of each image.
        weight: ``float[B, M]``, how many tokens each stands for.
        unverified: ``bool[k]`` of each image, classes that may have unannotated objects.
        token_loss: Of ``float[n, K + 1]`` and targets ``int[n]`` to ``float[n]``.
    """
    no_object = logits.shape[-1] - 1
    count = sum(len(objects) for _, objects in matches)
    target = matched_labels(matches, gt_classes, logits.shape[1], no_object)
    logits = mask_unverified(logits, target == no_object, unverified)
    loss = token_loss(logits.flatten(0, 1), target.flatten())
    has_object = target < no_object
    correct = (logits.detach()[..., :-1].argmax(-1) == target)[has_object].float()
    return dict(loss_cls=LossTerm((loss * weight.flatten()).sum(), count),
                acc_class=LossTerm(100 * correct.sum(), len(correct)))


def group_by_format(instructions: list[Instruction]) -> list[list[int]]:
    """Indices of the samples of each output format."""
    groups = defaultdict(list)
    for index, instruction in enumerate(instructions):
        groups[instruction.output_format].append(index)
    return list(groups.values())
