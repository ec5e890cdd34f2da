"""Output format as query (paper, section 3.3): the tuple named in the instruction becomes query tokens that are fed
in at once and read out in parallel, one tuple an image token.

An image token is a word of a foreign language that stands where a name would: the text before it ends in an opening
quote, ``<cls>`` starts as the closing quote and colon of the class map, and what follows in the map is the class
token. So a language model that can look a name up in a map can classify (``quoted`` form; see the README's ablations).

Letters: B pictures, M image tokens, K named classes, E width of the language model, q coordinates, n selected tuples.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.language import Instruction, OutputFormat
from visionllm.language.quantizer import bins_to_offsets, expected_bin, offsets_to_bins, probability_near
from visionllm.language.vocabulary import NUM_LOCATION_TOKENS
from visionllm.structures import ImageTokens, Mean, Target
from visionllm.structures.places import PLACE_CHANNELS
from visionllm.structures.rings import extent
from visionllm.structures.tokens import taken

from ..averages import added
from ..fusion import coordinate_pass_layout, few_enough, in_groups
from ..llms import CausalLM
from ..matching import match, paired_labels, true_names
from .location_losses import location_losses
from .mask_branch import MaskBranch
from .named_places import NamedPlaces, coordinate_rows, embed_points, named_offsets
from .passes import ClassPass, read_blocks
from .selection import pad_selection, sample_tuples, some_known
from .token_features import own_points, token_features
from .tuples import put_tuples
from .unmarked import spared
from .words import beside_none, name_losses, nearness, projector


@MODELS.register_module()
class FormatQueryHead(BaseModule):
    """Sets of tuples out of a language model.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        opening: Text between the picture and the blocks; shared by all blocks.
        soft_bin_sigma: Width of the location target in bins; 0 is the paper's hard cross-entropy.
        box_loss_weight: Weight of L1 + GIoU on the expected box (an addition to the paper; 0 switches it off).
        name_loss_weight: Weight of aligning image tokens with the embedding of the object's name (an addition).
        objectness_prior: Add the tokenizer's objectness to the class logits, scaled by a learned number (an
            addition), so that a score knows whether anything is there.
        corner_prior: Start a box's corners from where the tokenizer's own box has them, an outline from the
            tokenizer's own, or from the ellipse in its box, and points that have names from the box's centre: a
            Gaussian over the location tokens (an addition), of learned width but for named points.
        named_places: Arguments of ``NamedPlaces``, which starts points that have names from where they are seen in a
            close-up of the object (an addition; needs the prior and a second look); None starts them from its centre.
        mask_branch: Arguments of ``MaskBranch``, which starts outlines from the object's mask in its close-up (an
            addition; needs the same); None starts them from the tokenizer's own.
        name_residual: Add to what the language model reads how near the image token, as a word, lies to each named
            word (an addition; needs the name loss). What goes around the frozen model can be taught without running
            it, so what was read starts with less say.
        reading_weight: What is read counts that much at the start of training (``class_scale``, learned).
        image_context: Show every block all image tokens besides its own, as in the paper. Without it a picture costs
            M tokens less, which is why the nano size leaves it out; what it is worth there was not measured.
        train_tuples: Decode that many tuples a picture in training: those on objects, and a random sample of the rest
            that is weighted to stand for all of it. None decodes all.
        train_coordinates: Decode the coordinates of at most that many matched tuples a picture in training.
        max_per_img: At most that many detections a picture.
        score_thr: Tuples that no class gives this much are not decoded further, but for the likeliest of a picture:
            who asks where the star is wants to hear the best guess.
    """

    def __init__(self, token_channels: int, llm_width: int, opening: str = '\n{"', soft_bin_sigma: float = 4.0,
                 box_loss_weight: float = 1.0, name_loss_weight: float = 1.0, objectness_prior: bool = True,
                 corner_prior: bool = True, name_residual: bool = True, reading_weight: float = 0.3,
                 image_context: bool = True, named_places: dict | None = None, mask_branch: dict | None = None,
                 train_tuples: int | None = None, train_coordinates: int | None = None, max_per_img: int = 100,
                 score_thr: float = 0.001):
        super().__init__()
        self.opening = opening
        self.soft_bin_sigma, self.box_loss_weight = soft_bin_sigma, box_loss_weight
        self.name_loss_weight, self.name_residual = name_loss_weight, name_residual
        self.objectness_prior = objectness_prior
        self.image_context, self.corner_prior = image_context, corner_prior
        self.train_tuples, self.train_coordinates = train_tuples, train_coordinates
        self.max_per_img, self.score_thr = max_per_img, score_thr
        hidden = llm_width
        channels = token_channels + PLACE_CHANNELS
        self.token_projector = projector(channels, hidden, llm_width)
        self.query_token = nn.Linear(channels, hidden)
        self.query_format = nn.Linear(llm_width, hidden)
        self.query_out = nn.Linear(hidden, llm_width)
        nn.init.zeros_(self.query_out.weight)
        nn.init.zeros_(self.query_out.bias)
        self.prior = nn.Parameter(torch.tensor([1.0, 0.0]))  # scale and offset of the objectness
        self.class_scale = nn.Parameter(torch.tensor(reading_weight))
        self.location_scale = nn.Parameter(torch.tensor([0.0 if corner_prior else 0.1, 0.1]))  # 0: opens as it helps
        self.prior_log_sigma = nn.Parameter(torch.tensor([4.0, 24.0]).log())  # bins, of corners and of outlines
        self.name_scale = nn.Parameter(torch.tensor(10.0).log())
        self.named_places = NamedPlaces(**named_places, channels=channels, width=llm_width) if named_places else None
        self.mask_branch = MaskBranch(**mask_branch, token_channels=token_channels) if mask_branch else None

    def reads(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in all that have a class and points."""
        return not output_format.is_text

    # ------------------------------------------------------------------ decoding

    def decode_classes(self, llm: CausalLM, instructions: list[Instruction],
                       tokens: ImageTokens, along: bool = False) -> tuple[Tensor, ClassPass]:
        """Pass 1: which named class is each image token?

        Args:
            along: Read the coordinates of all of them in the same pass.

        Returns:
            Logits ``float[B, M, K + 1]``, the last of ``<none>``, K of the longest class set; -inf beyond a shorter
            one's names. And what pass 2 needs.
        """
        features = token_features(tokens)
        words = self.token_projector(features)  # [B, M, E]
        rows = llm.rows(['<cls>'])
        if along:
            rows = torch.cat([rows, coordinate_rows(llm, instructions[0].output_format)])
        logits, done = self.read_words(llm, instructions, words, self._queries(features, rows))
        logits = self.class_scale * logits
        if self.name_residual:
            names = self._embed_names(llm, [instruction.class_names for instruction in instructions])
            logits = logits + beside_none(nearness(words, names, self.name_scale))
        if self.objectness_prior:
            logits = logits + beside_none(self._here(tokens).expand(*logits.shape[:-1], logits.shape[-1] - 1))
        done.tokens = tokens
        counts = torch.tensor([[len(instruction.class_names)] for instruction in instructions], device=logits.device)
        unnamed = torch.arange(logits.shape[-1] - 1, device=logits.device) >= counts  # [B, K]
        return logits.masked_fill(F.pad(unnamed, (0, 1))[:, None], -torch.inf), done

    @staticmethod
    @torch.no_grad()
    def _embed_names(llm: CausalLM, class_sets: list[Sequence[str]]) -> Tensor:
        """The words that image tokens aim at, ``float[B, K, E]``: K of the longest class set, some word beyond a
        shorter one's."""
        known = {name: place for place, name in enumerate(dict.fromkeys(chain(*class_sets)))}
        words = llm.embed_names(list(known))
        index = [torch.tensor([known[name] for name in names], device=words.device) for names in class_sets]
        return words[pad_sequence(index, batch_first=True)]

    def _here(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, M, 1]`` of anything being there."""
        scale, offset = self.prior
        return scale * tokens.objectness[..., None] + offset

    def read_words(self, llm: CausalLM, instructions: list[Instruction], words: Tensor,
                   queries: Tensor) -> tuple[Tensor, ClassPass]:
        """Pass 1 on words, wherever they come from: an image, or (in ``engine.reading``) the vocabulary itself.

        Args:
            words: ``float[B, M, E]``.
            queries: ``float[B, M, 1 + q, E]``, the class queries, and those of coordinates that are read along.

        Returns:
            Logits ``float[B, M, K + 1]`` and what pass 2 needs.
        """
        seen = words[:, :words.shape[1] if self.image_context else 0]
        asked, done = read_blocks(llm, instructions, self.opening, seen, torch.cat([words[:, :, None], queries], 2))
        return asked @ llm.class_rows([instruction.class_tokens for instruction in instructions]).mT, done

    def decode_coordinates(self, llm: CausalLM, output_format: OutputFormat, done: ClassPass,
                           selected: Tensor) -> Tensor:
        """Pass 2: location logits of the selected tuples' coordinates, unless they were read along.

        Args:
            selected: ``int[B, n]``, image tokens.

        Returns:
            ``float[B, n, q, 1025]``.
        """
        chosen = done.tokens.pick(selected)
        states = taken(done.along, selected) if done.along.shape[2] else self._read_coordinates(
            llm, output_format, done, selected, chosen)
        return self._location_logits(llm, states, output_format) + self._place_prior(llm, chosen, output_format)

    def _read_coordinates(self, llm: CausalLM, output_format: OutputFormat, done: ClassPass, selected: Tensor,
                          chosen: ImageTokens) -> Tensor:
        """Hidden states ``float[B, n, q, E]``."""
        queries = self._queries(token_features(chosen), coordinate_rows(llm, output_format))
        attention, positions = coordinate_pass_layout(done.real, selected, queries.shape[2])
        return llm(queries.flatten(1, 2), done.read, attention, positions)[0].unflatten(1, queries.shape[1:3])

    def _location_logits(self, llm: CausalLM, states: Tensor, output_format: OutputFormat) -> Tensor:
        """What was read, as logits ``float[..., 1025]``."""
        scale = self.location_scale[kind_of(output_format)]
        if output_format.is_named and self.named_places is not None:
            scale = self.named_places.reading_scale
        return scale * (states @ llm.location_rows().T)

    def _place_prior(self, llm: CausalLM, tokens: ImageTokens, output_format: OutputFormat) -> Tensor:
        """Logits ``float[B, n, q, 1025]`` of the tokens' own corners or outlines, or of the places in their boxes where
        points of some names lie."""
        if not self.corner_prior:
            return tokens.boxes.new_zeros(1)
        if output_format.is_named:
            offsets, sigma = named_offsets(tokens, embed_points(llm, output_format), self.named_places)
        else:
            offsets = self._own_points(tokens, output_format) - tokens.centres[:, :, None].detach()
            sigma = self.prior_log_sigma[kind_of(output_format)].exp()
        bins = offsets_to_bins(offsets.flatten(-2))[..., None]
        grid = torch.arange(NUM_LOCATION_TOKENS, device=bins.device)
        return -0.5 * ((grid - bins) / sigma)**2

    @torch.no_grad()
    def _own_points(self, tokens: ImageTokens, output_format: OutputFormat) -> Tensor:
        """Those of ``own_points``. An outline cut out of a mask has no gradient: masks learn by their own loss."""
        masks = None
        if output_format.is_outline and self.mask_branch is not None:
            masks = self.mask_branch(tokens.detach())
        return own_points(tokens, output_format.num_points, masks)

    def _queries(self, features: Tensor, rows: Tensor) -> Tensor:
        """Format tokens as queries of each image token, which reaches every query of its tuple.

        Args:
            features: ``float[..., channels]``.
            rows: ``float[q, E]``.

        Returns:
            ``float[..., q, E]``.
        """
        return rows + self.query_out(F.gelu(self.query_token(features)[..., None, :] + self.query_format(rows)))

    # ------------------------------------------------------------------ training

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, Mean]:
        """Decode, match the decoded tuples to the named objects, cross-entropy (paper, section 3.4).

        All samples that ask for one format are read together, and an instruction that they share is read once.
        """
        losses = self.word_loss(llm, tokens, targets)
        for members in of_one_format(instructions):
            losses = added(losses, self._tuple_loss(llm, [instructions[i] for i in members], tokens[members],
                                                    [targets[i] for i in members]))
        return losses

    def word_loss(self, llm: CausalLM, tokens: ImageTokens, targets: list[Target]) -> dict[str, Mean]:
        """``name_loss`` of the samples whose classes are words, by the objects that their tokens are paired with."""
        members = [i for i, target in enumerate(targets) if target.are_words]
        if not members:
            return {}
        names = targets[members[0]].names
        wanted = true_names([targets[i].pairs for i in members], [targets[i].labels for i in members],
                            tokens.boxes.shape[1], len(names))
        return self.name_loss(llm, list(names), tokens[members], wanted, [targets[i].may_lack(names) for i in members])

    def _tuple_loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                    targets: list[Target]) -> dict[str, Mean]:
        """Losses of samples that ask for one format."""
        named, classes = zip(*[target.named_by(instruction.class_names)
                               for target, instruction in zip(targets, instructions)])
        boxes = [target.boxes[keep] for target, keep in zip(targets, named)]
        points = [target.points[keep] for target, keep in zip(targets, named)]
        tokens, weight = sample_tuples(tokens, [target.pairs[0] for target in targets], self.train_tuples)
        logits, done = self.decode_classes(llm, instructions, tokens)
        pairs = self._match(logits, tokens, boxes, classes)
        count = sum(len(objects) for _, objects in pairs)
        target = paired_labels(pairs, classes, logits.shape[1], nothing=logits.shape[-1] - 1)
        lacking = [t.may_lack(instruction.class_names) for t, instruction in zip(targets, instructions)]
        logits = spared(logits, target == logits.shape[-1] - 1, lacking)
        entropy = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction='none')
        things = target < logits.shape[-1] - 1
        right = (logits.detach()[..., :-1].argmax(-1) == target)[things].float()
        losses = dict(loss_cls=Mean((entropy * weight.flatten()).sum(), count),
                      acc_class=Mean(100 * right.sum(), len(right)))
        output_format = instructions[0].output_format
        decode = partial(self.decode_coordinates, llm, output_format, done)
        limit = self.train_coordinates or tokens.objectness.shape[1]
        losses |= self._coordinate_losses(decode, output_format, tokens, points, pairs, limit)
        if output_format.is_outline and self.mask_branch is not None:
            losses |= self._mask_losses(tokens, [t.rings[keep] for t, keep in zip(targets, named)], pairs, limit)
        return losses

    def mask_loss(self, tokens: ImageTokens, targets: list[Target]) -> dict[str, Mean]:
        """Losses of the masks of objects that tokens are paired with; the LLM is not run."""
        rings, pairs = ([getattr(target, key) for target in targets] for key in ('rings', 'pairs'))
        return self._mask_losses(tokens, rings, pairs, tokens.objectness.shape[1])

    def _mask_losses(self, tokens: ImageTokens, gt_rings: list[Tensor], pairs: list[tuple[Tensor, Tensor]],
                     limit: int) -> dict[str, Mean]:
        """Of at most ``limit`` pairs a picture, of objects whose outline is known."""
        selected, real, rings = some_known(pairs, gt_rings, limit)
        if not real.any():
            return dict(loss_mask=Mean(tokens.boxes.new_zeros(()), 0))
        return self.mask_branch.loss(tokens.pick(selected), real, rings)

    def place_loss(self, llm: CausalLM, output_format: OutputFormat, tokens: ImageTokens,
                   targets: list[Target]) -> dict[str, Mean]:
        """Losses of where points that have names start, by the objects that tokens are paired with; the LLM itself is
        not run."""
        def decode(selected):
            return self._place_prior(llm, tokens.pick(selected), output_format)
        points, pairs = ([getattr(target, key) for target in targets] for key in ('points', 'pairs'))
        return self._coordinate_losses(decode, output_format, tokens, points, pairs, tokens.objectness.shape[1])

    def _match(self, logits: Tensor, tokens: ImageTokens, gt_boxes: list[Tensor],
               gt_classes: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        probability = logits.softmax(-1)
        flat = bool((tokens.boxes[..., 2:] == 0).all())
        return [
            match(-probability[b][:, gt_classes[b]], tokens.boxes[b], gt_boxes[b], centre_only=flat)
            for b in range(len(gt_boxes))
        ]

    def _coordinate_losses(self, decode: Callable[[Tensor], Tensor], output_format: OutputFormat, tokens: ImageTokens,
                           gt_points: list[Tensor], pairs: list[tuple[Tensor, Tensor]],
                           limit: int) -> dict[str, Mean]:
        """Cross-entropy over the location tokens of matched tuples, and L1 + GIoU on the points they mean. Objects of
        which no point is known have no part in it."""
        selected, real, points = some_known(pairs, gt_points, limit)
        logits = decode(selected)[real]  # [n, q, 1025]
        if len(logits) == 0:
            return dict(loss_loc=Mean(logits.sum(), 0), loss_box=Mean(logits.sum(), 0))
        centres = taken(tokens.centres, selected)[real]
        return location_losses(logits, centres, points, output_format, self.soft_bin_sigma, self.box_loss_weight)

    def name_loss(self, llm: CausalLM, names: list[str], tokens: ImageTokens, target: Tensor,
                  lacking: Sequence[Tensor] = ()) -> dict[str, Mean]:
        """Align image tokens with the words for what they show; the LLM itself is not run.

        Two losses pull at a word. By its nearness to the names, and by objectness, it should be as unsure as the
        target. As something to be read it should be what it most likely is: language models read words, and a word
        for "perhaps a circle, likely nothing" is none (measured: README).

        Args:
            names: All K classes of the dataset.
            target: ``float[B, M, K + 1]``, how likely each token is each class, or nothing.
            lacking: ``bool[K]`` of each picture, which names may have objects that nobody has marked; none if left out.
        """
        if self.name_loss_weight == 0:
            return {}
        wanted = self._embed_names(llm, [names])[0]
        words = self.token_projector(token_features(tokens))  # [B, M, E]
        return name_losses(words, wanted, self._here(tokens), target, self.name_scale, lacking, self.name_loss_weight)

    # ------------------------------------------------------------------ answering

    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """Answer for each picture, best first: ``bboxes`` (xyxy in [0, 1]), ``scores``, ``labels`` (index in the
        instruction's class set), ``tuples`` (image token), and ``points[n, N, 2]`` where N points were asked for; where
        they have names, ``bboxes`` are the tokens' own and ``keypoint_scores[n, N]`` say how sure each point is."""
        results = {}
        for members in of_one_format(instructions):
            results |= zip(members, self._answer(llm, [instructions[i] for i in members], tokens[members]))
        return [results[i] for i in range(len(instructions))]

    def deliver(self, sample: DetDataSample, instructions: Sequence[Instruction], answers: Sequence[InstanceData],
                rescale: bool) -> None:
        """Put the answers to one instruction, or to several that name a group of the classes each, into a sample."""
        put_tuples(sample, instructions, answers, rescale, self.max_per_img)

    def _answer(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """Answers to instructions that ask for one format."""
        output_format = instructions[0].output_format
        logits, done = self.decode_classes(llm, instructions, tokens, self._reads_along(output_format, tokens))
        scores = logits.softmax(-1)[..., :-1]  # [B, M, K]
        classes = scores.shape[-1]
        top, index = scores.flatten(1).topk(min(self.max_per_img, scores[0].numel()))
        likely = (top >= self.score_thr) & (top > 0)  # beyond a shorter class set it is 0
        likely[:, 0] = True
        kept = [row[keep] for row, keep in zip(index, likely)]
        wanted = [torch.unique(k // classes) for k in kept]
        points, sure = self._points(llm, output_format, done, tokens, pad_selection(wanted)[0])
        results = []
        for b, pair in enumerate(kept):
            result = InstanceData(scores=scores[b].flatten()[pair], labels=pair % classes, tuples=pair // classes)
            place = torch.searchsorted(wanted[b], pair // classes)
            result.points = points[b, place]
            result.bboxes = extent(result.points)
            if output_format.is_named:
                result.bboxes = bbox_cxcywh_to_xyxy(tokens.boxes[b, result.tuples]).clamp(0, 1)
                result.keypoint_scores = sure[b, place]
            results.append(result)
        return results

    def _reads_along(self, output_format: OutputFormat, tokens: ImageTokens) -> bool:
        """Whether coordinates of all tuples are read with their classes."""
        return few_enough(tokens.objectness, len(output_format.coordinate_tokens))

    def _points(self, llm: CausalLM, output_format: OutputFormat, done: ClassPass, tokens: ImageTokens,
                selected: Tensor) -> tuple[Tensor, Tensor | None]:
        """Decoded points ``float[B, n, N, 2]`` in [0, 1], and how sure each is that has a name, ``float[B, n, N]``."""
        bins, sure = [], []
        for some in in_groups(selected, len(output_format.coordinate_tokens)):
            logits = self.decode_coordinates(llm, output_format, done, some)
            bins.append(expected_bin(logits))
            if output_format.is_named:
                sure.append(probability_near(logits, bins[-1]))
        offsets = bins_to_offsets(torch.cat(bins, 1)).unflatten(-1, (-1, 2))
        centres = taken(tokens.centres, selected)
        points = (offsets + centres[:, :, None]).clamp(0, 1)
        return points, torch.cat(sure, 1).unflatten(-1, (-1, 2)).prod(-1) if sure else None


def of_one_format(instructions: list[Instruction]) -> list[list[int]]:
    """Indices of the samples that ask for each output format."""
    groups = defaultdict(list)
    for index, instruction in enumerate(instructions):
        groups[instruction.output_format].append(index)
    return list(groups.values())


def kind_of(output_format: OutputFormat) -> int:
    """0 for a box's corners, 1 for an outline or named points: what is learned of one says nothing of the other."""
    return int(not output_format.is_box)
