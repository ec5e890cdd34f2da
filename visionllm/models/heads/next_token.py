"""Words, one after the other: captions and answers to questions, by the same language model.

    instruction .. image tokens .. instruction | what is said <end> | what is asked | what is said <end> ...

Letters: B pictures, M image tokens, T tokens of a text (the longest of the batch), E width of the language model,
V words of the language model.
"""

import math

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.model import BaseModule
from torch import Tensor, nn

from visionllm.language import Instruction, OutputFormat
from visionllm.structures import ImageTokens, Target

from ..llms import CausalLM
from .token_features import PLACE_CHANNELS, token_features


@MODELS.register_module()
class NextTokenHead(BaseModule):
    """Text out of a language model that has seen the image tokens where the instruction says ``<image>``.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        opening: Text between the instruction and what is said.
        max_new_tokens: What is said ends there at the latest.
    """

    def __init__(self, token_channels: int, llm_width: int, opening: str = '\n', max_new_tokens: int = 64):
        super().__init__()
        self.opening, self.max_new_tokens = opening, max_new_tokens
        channels = token_channels + PLACE_CHANNELS + 1  # and whether anything is there
        self.token_projector = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, llm_width), nn.GELU(),
                                             nn.Linear(llm_width, llm_width))
        nn.init.normal_(self.token_projector[-1].weight, std=0.13 / math.sqrt(llm_width))

    def reads(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format."""
        return output_format.is_text

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, Tensor]:
        """Cross-entropy of what should be said, token by token; of what is asked in between nothing is learned."""
        prompts = self._prompts(llm, instructions, self.describe(tokens))
        said = [spoken(llm, target.turns) for target in targets]
        texts = [torch.cat([prompt, llm.embed(ids)]) for prompt, (ids, _) in zip(prompts, said)]
        embeddings, real, positions = left_padded(texts)
        states, _ = llm(embeddings, attention=causal(real), positions=positions)
        length = max(len(ids) for ids, _ in said)
        ids = torch.stack([F.pad(ids, (length - len(ids), 0)) for ids, _ in said])
        learned = torch.stack([F.pad(mask, (length - len(mask), 0)) for _, mask in said])
        before = states[:, -length - 1:-1]  # each state says the token after it
        logits, ids = llm.say(before[learned]), ids[learned]
        right = (logits.detach().argmax(-1) == ids).float().mean()
        return dict(loss_text=F.cross_entropy(logits, ids), acc_text=100 * right)

    @torch.no_grad()
    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[str]:
        """The likeliest word after the likeliest word, for each picture."""
        embeddings, real, positions = left_padded(self._prompts(llm, instructions, self.describe(tokens)))
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
    def deliver(sample: DetDataSample, instruction: Instruction, answer: str, rescale: bool) -> None:
        """Put an answer into a sample."""
        sample.set_field(answer, 'pred_text', dtype=str)

    def describe(self, tokens: ImageTokens) -> Tensor:
        """Image tokens as the language model reads them: ``float[B, M, E]``."""
        return self.token_projector(torch.cat([token_features(tokens), tokens.objectness[..., None]], -1))

    def _prompts(self, llm: CausalLM, instructions: list[Instruction], words: Tensor) -> list[Tensor]:
        """All that stands before what is said, ``float[T, E]`` a picture."""
        prompts = []
        for instruction, picture in zip(instructions, words):
            before, _, after = instruction.text.partition('<image>')
            prompts.append(torch.cat([llm.embed_text(before)[0], picture, llm.embed_text(after + self.opening)[0]]))
        return prompts


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


def left_padded(texts: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Texts ``float[T', E]`` that end together: ``float[B, T, E]``, ``bool[B, T]`` (True = real), ``int[B, T]``."""
    length = max(len(text) for text in texts)
    embeddings = torch.stack([F.pad(text, (0, 0, length - len(text), 0)) for text in texts])
    missing = torch.tensor([length - len(text) for text in texts], device=embeddings.device)[:, None]
    place = torch.arange(length, device=embeddings.device) - missing
    return embeddings, place >= 0, place.clamp_min(0)


def causal(real: Tensor) -> Tensor:
    """Each token sees itself and the real ones before it: ``bool[B, T]`` to ``bool[B, T, T]``."""
    length = real.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=real.device).tril()
    return before & real[:, None] | torch.eye(length, dtype=torch.bool, device=real.device)
