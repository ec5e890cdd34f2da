"""Words, one after the other: captions and answers to questions, by the same language model.

    instruction .. image tokens .. instruction | what is said <end> | what is asked | what is said <end> ...

An image token stands there as a short phrase of a foreign language and two words for where: "small red metal ring top
left". A language model that is given one word for all of it has to take it apart again, and learns that slowly. In
training, things stand in the order in which a caption mentions them, so that what is said next is what comes next.

Letters: B pictures, M image tokens, W words of a phrase, T tokens of a text (the longest of the batch), E width of the
language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.language import Instruction, OutputFormat
from visionllm.language.mentions import mentions
from visionllm.structures import ImageTokens, Mean, Target
from visionllm.structures.places import PLACE_CHANNELS, place_features

from ..llms import CausalLM, causal, left_padded
from .token_features import token_features
from .words import WORD_WEIGHT, distance, nearness, projector

FILLER = 'a'  # "a a a dog" reads like a dog
EDGES = ('top', 'bottom', 'left', 'right')
TRUST_WIDTH = 64
SAME_PLACE = 0.5  # IoU from which on two boxes are of one thing


@MODELS.register_module()
class NextTokenHead(BaseModule):
    """Text out of a language model that has seen the image tokens where the instruction says ``<image>``.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        opening: Text between the instruction and what is said.
        max_new_tokens: What is said ends there at the latest.
        words: W. They learn the last W words of an object's name, where objects are known; the last is the noun.
        score_thr: Image tokens that are less likely on something and right in all their words are not shown to the
            language model, but for the likeliest; unless the instruction says how sure words must be.
    """

    def __init__(self, token_channels: int, llm_width: int, opening: str = '\n', max_new_tokens: int = 64,
                 words: int = 4, score_thr: float = 0.5):
        super().__init__()
        self.opening, self.max_new_tokens = opening, max_new_tokens
        self.words, self.score_thr = words, score_thr
        self.token_projector = projector(token_channels + PLACE_CHANNELS, llm_width, words * llm_width)
        self.place_projector = projector(PLACE_CHANNELS, llm_width, 2 * llm_width)
        nn.init.zeros_(self.place_projector[-1].weight)
        self.trust = projector(token_channels + PLACE_CHANNELS + 1, TRUST_WIDTH, 1)
        self.name_scale = nn.Parameter(torch.tensor(10.0).log())

    def reads(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format."""
        return output_format.is_text

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, Mean]:
        """Cross-entropy of what should be said, token by token; of what is asked in between nothing is learned. And of
        the words that image tokens should be."""
        losses = self.word_loss(llm, tokens, targets)
        return losses | self.text_loss(llm, instructions, self.describe(llm, instructions, tokens, targets), targets)

    def text_loss(self, llm: CausalLM, instructions: list[Instruction], pictures: list[Tensor],
                  targets: list[Target]) -> dict[str, Mean]:
        """Cross-entropy of what should be said of pictures ``float[n, E]``, wherever their words come from."""
        prompts = self._prompts(llm, instructions, pictures)
        said = [spoken(llm, target.turns) for target in targets]
        texts = [torch.cat([prompt, llm.embed(ids)]) for prompt, (ids, _) in zip(prompts, said)]
        embeddings, real, positions = left_padded(texts)
        states, _ = llm(embeddings, attention=causal(real), positions=positions)
        length = max(len(ids) for ids, _ in said)
        ids = torch.stack([F.pad(ids, (length - len(ids), 0)) for ids, _ in said])
        learned = torch.stack([F.pad(mask, (length - len(mask), 0)) for _, mask in said])
        before = states[:, -length - 1:-1]  # each state says the token after it
        logits, ids = llm.say(before[learned]), ids[learned]
        right = (logits.detach().argmax(-1) == ids).sum()
        return dict(loss_text=Mean(F.cross_entropy(logits, ids, reduction='sum'), len(ids)),
                    acc_text=Mean(100 * right, len(ids)))

    @torch.no_grad()
    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[str]:
        """The likeliest word after the likeliest word, for each picture."""
        pictures = self.describe(llm, instructions, tokens)
        embeddings, real, positions = left_padded(self._prompts(llm, instructions, pictures))
        states, read = llm(embeddings, attention=causal(real), positions=positions)
        said = torch.full((len(instructions), 0), llm.vocabulary.end, device=real.device)
        over = torch.zeros(len(instructions), dtype=torch.bool, device=real.device)
        while True:
            words = llm.say(states[:, -1]).argmax(-1).masked_fill(over, llm.vocabulary.end)
            said = torch.cat([said, words[:, None]], 1)
            over = over | (words == llm.vocabulary.end)
            if over.all() or said.shape[1] == self.max_new_tokens:
                return [llm.vocabulary.decode(ids) for ids in said.tolist()]
            real, positions = F.pad(real, (0, 1), value=True), positions[:, -1:] + 1
            states, read = llm(llm.embed(words[:, None]), read, real[:, None], positions)

    @staticmethod
    def deliver(sample: DetDataSample, instructions: Sequence[Instruction], answers: Sequence[str],
                rescale: bool) -> None:
        """Put what was said, to one instruction after the other, into a sample."""
        sample.set_field(' '.join(answers), 'pred_text', dtype=str)

    def word_loss(self, llm: CausalLM, tokens: ImageTokens, targets: list[Target]) -> dict[str, Mean]:
        """Align the words of image tokens with those of the names of the objects that they are paired with; and learn
        which tokens are on something and have all its words right."""
        phrases = [target.names[label] for target in targets for label in target.labels.tolist()]
        if not phrases:
            return {}
        said = self._phrases(tokens)  # [B, M, W, E]
        known, index = words_of(phrases, self.words)
        index = index.to(said.device).split([len(target.labels) for target in targets])
        with torch.no_grad():
            wanted = llm.embed_names(known)
        near = nearness(said, wanted, self.name_scale)  # [B, M, W, words]
        heard = near.argmax(-1)
        paired, close, taken = (torch.cat([each[b, target.pairs[0]] for b, target in enumerate(targets)])
                                for each in (said, near, heard))  # [n, W, ..]
        names = torch.cat([words[target.pairs[1]] for words, target in zip(index, targets)])  # [n, W]
        entropy = F.cross_entropy(close.flatten(0, 1), names.flatten(), reduction='sum')
        far = distance(paired, wanted[names], wanted).sum()
        right = (taken == names).sum()
        with torch.no_grad():
            trusty = torch.stack([told_rightly(*each) for each in zip(heard, tokens.boxes, index, targets)])
        doubt = F.binary_cross_entropy_with_logits(self._trust(tokens), trusty.float(), reduction='sum')
        return dict(loss_word=Mean(self.words * (entropy + WORD_WEIGHT * far), names.numel()),
                    loss_trust=Mean(doubt, trusty.numel()), acc_word=Mean(100 * right, names.numel()))

    def _phrases(self, tokens: ImageTokens) -> Tensor:
        """What each image token is: ``float[..., M, W, E]``."""
        return self.token_projector(token_features(tokens)).unflatten(-1, (self.words, -1))

    def _trust(self, tokens: ImageTokens) -> Tensor:
        """Logits ``float[B, M]`` of each token's being something, and told rightly. Nothing is learned through it."""
        return self.trust(torch.cat([token_features(tokens), tokens.objectness[..., None]], -1).detach()).squeeze(-1)

    def describe(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                 targets: list[Target] | None = None) -> list[Tensor]:
        """Pictures as the language model reads them, ``float[n, E]`` each: what, and where, of all that is there.

        Like stands after like; in training (``targets``), what the caption mentions stands in its order.
        """
        told = self._told(instructions, tokens, targets or ())
        phrases = self._phrases(tokens)
        orders = [like_after_like(words) for words in phrases]
        if targets is not None:
            orders = [as_mentioned(order, target) for order, target in zip(orders, targets)]
        words = self.with_places(llm, phrases, tokens.boxes)
        return [words[b, order[told[b, order]]].flatten(0, 1) for b, order in enumerate(orders)]

    @torch.no_grad()
    def _told(self, instructions: list[Instruction], tokens: ImageTokens, targets: Sequence[Target]) -> Tensor:
        """Which tokens the language model is told of, ``bool[B, M]``: those that are trusted, of one place the most.

        In training those that are paired, whether trusted or not: nothing should be said that cannot be seen.
        """
        trust = self._trust(tokens).sigmoid()
        for row, target in zip(trust, targets):
            row[target.pairs[0]] = 2  # beyond doubt
        boxes = bbox_cxcywh_to_xyxy(tokens.boxes)
        same = bbox_overlaps(boxes, boxes) >= SAME_PLACE  # [B, M, M]
        again = (same & (trust[:, None] > trust[..., None])).any(-1)
        likeliest = F.one_hot(trust.argmax(-1), trust.shape[1]).bool()
        return (trust >= self._score_thrs(instructions, trust)) & ~again | likeliest

    def _score_thrs(self, instructions: list[Instruction], like: Tensor) -> Tensor:
        """How much trust each instruction wants, ``float[B, 1]``."""
        wanted = [instruction.output_format.certainty for instruction in instructions]
        return like.new_tensor([self.score_thr if sure is None else sure / 100 for sure in wanted])[:, None]

    def with_places(self, llm: CausalLM, words: Tensor, boxes: Tensor) -> Tensor:
        """Phrases ``float[..., W, E]`` of things in boxes ``float[..., 4]``, and after each two words for its place.

        They lie between "top" and "bottom", and between "left" and "right", where the language model knows its way;
        the rest is learned.
        """
        with torch.no_grad():
            first, last = llm.embed_names(list(EDGES)).unflatten(0, (2, 2)).unbind(1)  # [2, E]
        along = boxes[..., [1, 0], None].detach().to(first)  # [..., 2, 1]; with --amp in bfloat16 until here
        learned = self.place_projector(place_features(boxes)).unflatten(-1, (2, -1))
        return torch.cat([words, first.lerp(last, along) + learned], -2)

    def _prompts(self, llm: CausalLM, instructions: list[Instruction], pictures: list[Tensor]) -> list[Tensor]:
        """All that stands before what is said, ``float[T, E]`` a picture."""
        prompts = []
        for instruction, picture in zip(instructions, pictures):
            before, _, after = instruction.text.partition('<image>')
            prompts.append(torch.cat([llm.embed_text(before)[0], picture, llm.embed_text(after + self.opening)[0]]))
        return prompts


def told_rightly(heard: Tensor, boxes: Tensor, words: Tensor, target: Target) -> Tensor:
    """Which tokens ``bool[M]``, heard as words ``int[M, W]`` at ``boxes``, are on an object of those words
    ``int[G, W]``."""
    overlap = bbox_overlaps(bbox_cxcywh_to_xyxy(boxes), bbox_cxcywh_to_xyxy(target.boxes))  # [M, G]
    return ((overlap >= SAME_PLACE) & (heard[:, None] == words).all(-1)).any(-1)


def as_mentioned(order: Tensor, target: Target) -> Tensor:
    """An order of tokens ``int[M]``, changed to that in which the first thing said speaks of what they show; what it
    does not speak of stays behind."""
    tokens, objects = target.pairs
    names = [target.names[label] for label in target.labels[objects].tolist()]
    place = mentions(names, target.turns[0] if target.turns else '')
    rank = torch.full_like(order, max(place, default=0) + 1)
    rank[tokens] = torch.tensor(place, dtype=torch.long, device=order.device)
    return order[rank[order].argsort(stable=True)]


@torch.no_grad()
def like_after_like(phrases: Tensor) -> Tensor:
    """An order in which each of some phrases ``float[M, W, E]`` is followed by the most similar of those left, by all
    its words and once more by its noun, so that things of one kind stand together."""
    alike = 0
    for words in (phrases.flatten(1), phrases[:, -1]):
        words = F.normalize(words, dim=-1)
        alike = alike + words @ words.T
    order = [0]
    while len(order) < len(phrases):
        alike[:, order[-1]] = -torch.inf  # it had its turn
        order.append(int(alike[order[-1]].argmax()))
    return torch.tensor(order, device=phrases.device)


def words_of(phrases: list[str], count: int) -> tuple[list[str], Tensor]:
    """All different words of some phrases, and which of them each phrase has in its last ``count`` places.

    Returns:
        The words, each with the space before it that it has within a text, since to a language model " red" is another
        token than "red"; and ``int[n, count]``; places before a phrase begins hold ``FILLER``.
    """
    split = [([FILLER] * count + phrase.split())[-count:] for phrase in phrases]
    known = sorted({word for words in split for word in words})
    place = {word: number for number, word in enumerate(known)}
    return [f' {word}' for word in known], torch.tensor([[place[word] for word in words] for words in split])


def spoken(llm: CausalLM, turns: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Token ids ``int[T]`` of what is said and asked in turns, and ``bool[T]``: which of them are said.

    Raises:
        ValueError: Nothing is said.
    """
    if not turns:
        raise ValueError('A sample that asks for (text) has no text to learn from. Its dataset must give "turns", as '
                         'CaptionDataset and ConversationDataset do.')
    ids, learned = [], []
    for number, turn in enumerate(turns):
        answers = number % 2 == 0
        part = llm.vocabulary.encode(turn) + [llm.vocabulary.end] if answers else llm.vocabulary.encode(f'\n{turn}\n')
        ids += part
        learned += [answers] * len(part)
    device = llm.new_rows.weight.device
    return torch.tensor(ids, device=device), torch.tensor(learned, device=device)
