"""Image tokens in the prompt as symbols (an addition to the paper): each recognized object as a short phrase and two
embeddings for its location.

A projected token is trained to equal the embeddings of the last words of its object's name, so the language model reads
a list of objects in words that it knows, and can be trained on such lists without images.

Dimensions: B images, M image tokens, W words of a phrase, E width of the language model, G objects, n phrases,
V different words.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from torch import Tensor, nn

from visionllm.language import Instruction
from visionllm.language.mentions import mention_positions
from visionllm.structures import ImageTokens, LossTerm, Target

from ..box_position_embedding import BOX_EMBEDDING_CHANNELS, embed_box_positions
from ..similarity import embedding_distance, embedding_projector, similarity_logits
from ..token_features import token_features

FILLER = 'a'  # stands before names of fewer than W words
EDGES = ('top', 'bottom', 'left', 'right')
CONFIDENCE_WIDTH = 64
DUPLICATE_IOU = 0.5  # from which on two boxes are of one object
DISTANCE_WEIGHT = 5.0  # of the distance to a word's embedding, against the classification loss


@MODELS.register_module()
class SymbolicPrompt(nn.Module):
    """W word embeddings and two location embeddings for each confident image token.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        num_words: W. The last W words of a name are learned; the last one is the noun.
        score_thr: Tokens whose phrase is less likely to be right are left out, but for the best of each image; an
            instruction's own confidence, ``(text, 92% sure)``, takes precedence.
    """

    def __init__(self, token_channels: int, llm_width: int, num_words: int = 4, score_thr: float = 0.5):
        super().__init__()
        self.num_words, self.score_thr = num_words, score_thr
        channels = token_channels + BOX_EMBEDDING_CHANNELS
        self.word_projector = embedding_projector(channels, llm_width, num_words * llm_width)
        self.box_projector = embedding_projector(BOX_EMBEDDING_CHANNELS, llm_width, 2 * llm_width)
        nn.init.zeros_(self.box_projector[-1].weight)
        self.confidence_branch = embedding_projector(channels + 1, CONFIDENCE_WIDTH, 1)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, llm: nn.Module, instructions: list[Instruction], tokens: ImageTokens,
                targets: list[Target] | None = None) -> list[Tensor]:
        """Input embeddings ``float[n (W + 2), E]`` of each image's n objects.

        Similar objects are adjacent; in training (``targets``) those that the text mentions come in its order.
        """
        selected = self.select_objects(instructions, tokens, targets or ())
        phrases = self.phrases(tokens)
        orders = [order_by_similarity(words) for words in phrases]
        if targets is not None:
            orders = [order_by_mention(order, target) for order, target in zip(orders, targets)]
        embeddings = self.append_locations(llm, phrases, tokens.boxes)
        return [embeddings[b, order[selected[b, order]]].flatten(0, 1) for b, order in enumerate(orders)]

    def phrases(self, tokens: ImageTokens) -> Tensor:
        """Word embeddings ``float[B, M, W, E]`` of image tokens."""
        return self.word_projector(token_features(tokens)).unflatten(-1, (self.num_words, -1))

    def confidence_logits(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, M]`` of a token being on an object with all of its words right; detached from the token."""
        features = torch.cat([token_features(tokens), tokens.objectness[..., None]], -1).detach()
        return self.confidence_branch(features).squeeze(-1)

    @torch.no_grad()
    def select_objects(self, instructions: list[Instruction], tokens: ImageTokens,
                       targets: Sequence[Target]) -> Tensor:
        """Which tokens enter the prompt, ``bool[B, M]``: confident ones, the best of overlapping ones.

        In training all matched tokens do, confident or not: text about objects that the prompt lacks would teach
        hallucination.
        """
        confidence = self.confidence_logits(tokens).sigmoid()
        for row, target in zip(confidence, targets):
            row[target.matches[0]] = 2  # above any threshold
        boxes = bbox_cxcywh_to_xyxy(tokens.boxes)
        overlapping = bbox_overlaps(boxes, boxes) >= DUPLICATE_IOU  # [B, M, M]
        duplicate = (overlapping & (confidence[:, None] > confidence[..., None])).any(-1)
        best = F.one_hot(confidence.argmax(-1), confidence.shape[1]).bool()
        return (confidence >= self._thresholds(instructions, confidence)) & ~duplicate | best

    def _thresholds(self, instructions: list[Instruction], like: Tensor) -> Tensor:
        """Minimum confidence of each instruction, ``float[B, 1]``."""
        percent = [instruction.output_format.certainty for instruction in instructions]
        return like.new_tensor([self.score_thr if p is None else p / 100 for p in percent])[:, None]

    def append_locations(self, llm: nn.Module, words: Tensor, boxes: Tensor) -> Tensor:
        """Phrases ``float[..., W, E]`` of objects with boxes ``float[..., 4]``, each followed by two embeddings for its
        location: ``float[..., W + 2, E]``.

        They interpolate between "top" and "bottom", and between "left" and "right"; a projection of the box is added.
        """
        with torch.no_grad():
            first, last = llm.embed_names(list(EDGES)).unflatten(0, (2, 2)).unbind(1)  # [2, E]
        position = boxes[..., [1, 0], None].detach().to(first)  # [..., 2, 1]; with --amp in bfloat16 until here
        learned = self.box_projector(embed_box_positions(boxes)).unflatten(-1, (2, -1))
        return torch.cat([words, first.lerp(last, position) + learned], -2)

    def embed_phrases(self, llm: nn.Module, names: list[str]) -> Tensor:
        """Embeddings ``float[n, W, E]`` of n names: what the projected tokens should be."""
        words, index = phrase_word_indices(names, self.num_words)
        embeddings = llm.embed_names(words)
        return embeddings[index.to(embeddings.device)]

    def alignment_loss(self, llm: nn.Module, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """Align the phrases of matched tokens with their objects' names, and learn the confidence."""
        names = [target.names[label] for target in targets for label in target.labels.tolist()]
        if not names:
            return {}
        phrases = self.phrases(tokens)  # [B, M, W, E]
        words, index = phrase_word_indices(names, self.num_words)
        index = index.to(phrases.device).split([len(target.labels) for target in targets])
        with torch.no_grad():
            vocabulary = llm.embed_names(words)
        similarity = similarity_logits(phrases, vocabulary, self.log_scale)  # [B, M, W, V]
        predicted = similarity.argmax(-1)
        matched, logits, labels = (torch.cat([each[b, target.matches[0]] for b, target in enumerate(targets)])
                                   for each in (phrases, similarity, predicted))  # [n, W, ..]
        truth = torch.cat([each[target.matches[1]] for each, target in zip(index, targets)])  # [n, W]
        entropy = F.cross_entropy(logits.flatten(0, 1), truth.flatten(), reduction='sum')
        distance = embedding_distance(matched, vocabulary[truth], vocabulary).sum()
        with torch.no_grad():
            recognized = torch.stack([are_recognized(*each) for each in zip(predicted, tokens.boxes, index, targets)])
        doubt = F.binary_cross_entropy_with_logits(self.confidence_logits(tokens), recognized.float(), reduction='sum')
        return dict(
            loss_word=LossTerm(self.num_words * (entropy + DISTANCE_WEIGHT * distance), truth.numel()),
            loss_confidence=LossTerm(doubt, recognized.numel()),
            acc_word=LossTerm(100 * (labels == truth).sum(), truth.numel()))


def are_recognized(predicted: Tensor, boxes: Tensor, words: Tensor, target: Target) -> Tensor:
    """Which tokens ``bool[M]`` lie on an object whose words they predict.

    Args:
        predicted: ``int[M, W]``, indices of the tokens' words.
        boxes: ``float[M, 4]`` cxcywh.
        words: ``int[G, W]``, indices of the objects' words.
    """
    overlap = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(target.boxes))  # [M, G]
    return ((overlap >= DUPLICATE_IOU) & (predicted[:, None] == words).all(-1)).any(-1)


def order_by_mention(order: Tensor, target: Target) -> Tensor:
    """Reorder tokens ``int[M]`` as the first answer mentions their objects; the others follow in their old order."""
    tokens, objects = target.matches
    names = [target.names[label] for label in target.labels[objects].tolist()]
    position = mention_positions(names, target.turns[0] if target.turns else '')
    rank = torch.full_like(order, max(position, default=0) + 1)
    rank[tokens] = torch.tensor(position, dtype=torch.long, device=order.device)
    return order[rank[order].argsort(stable=True)]


@torch.no_grad()
def order_by_similarity(phrases: Tensor) -> Tensor:
    """A greedy order ``int[M]`` in which each phrase of ``float[M, W, E]`` is followed by the most similar one left, by
    all its words and once more by its noun: objects of one kind become adjacent."""
    similarity = 0
    for words in (phrases.flatten(1), phrases[:, -1]):
        words = F.normalize(words, dim=-1)
        similarity = similarity + words @ words.T
    order = [0]
    while len(order) < len(phrases):
        similarity[:, order[-1]] = -torch.inf  # already used
        order.append(int(similarity[order[-1]].argmax()))
    return torch.tensor(order, device=phrases.device)


def phrase_word_indices(phrases: list[str], count: int) -> tuple[list[str], Tensor]:
    """All different words of phrases, and the indices of each phrase's last ``count`` words.

    Returns:
        V words, each with a leading space, as they are tokenized within a text; and ``int[n, count]``, ``FILLER`` in
        front of shorter phrases.
    """
    split = [([FILLER] * count + phrase.split())[-count:] for phrase in phrases]
    words = sorted({word for phrase in split for word in phrase})
    index_of = {word: index for index, word in enumerate(words)}
    return [f' {word}' for word in words], torch.tensor([[index_of[word] for word in phrase] for phrase in split])
