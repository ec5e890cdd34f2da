"""Text about pictures in documents, by gated cross-attention in a frozen language model (Flamingo).

A document is consecutive samples of a batch, one for each picture; their instructions are its chunks
(``visionllm.language.documents``), of which the last is open. Its sample gets the answer.

    before <image> text <|endofchunk|> before <image> text <|endofchunk|> before <image> text .. answer

Learned is all text between a picture and the end of its chunk. What the language model is to say at the end of a chunk
is its own end of text; the row of ``<|endofchunk|>`` is what it reads there.

Dimensions: D documents, B pictures of all documents, N pictures of the document with most, T tokens of the longest
document, L latents of a picture, C their channels, E width of the language model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.errors import ConfigError
from visionllm.language import Instruction, OutputFormat
from visionllm.language.documents import Chunk, parse_chunk
from visionllm.structures import ImageTokens, LossTerm, Target

from ..fusion.gated_cross_attention import GatedCrossAttention, cross_attend
from ..llms import CausalLM, causal_mask, generate, left_pad
from .next_token import NextTokenHead, answer_states

START_WORDS = ('picture', '\n')  # which <image> and <|endofchunk|> are before training


@dataclass
class Document:
    """A document of T tokens, as the language model reads it."""
    embeddings: Tensor  # float[T, E]
    ids: Tensor  # int[T], what is learned at each token; -1 where nothing is
    time: Tensor  # int[T], number of pictures up to each token


@MODELS.register_module()
class InterleavedTextHead(BaseModule):
    """Answers in text from a language model that attends to pictures before every n-th of its layers.

    Args:
        token_channels: C.
        llm_width: E.
        num_layers: Layers of the language model.
        every: n.
        num_heads: Heads of the cross-attention; None for one for each 64 of E.
        hidden_width: Channels inside the feed-forward of the cross-attention layers; None for 4 E.
        initial_gate: Of the cross-attention layers.
        max_new_tokens, num_beams, temperature: As of ``generate``; None for 1 beam.
    """

    def __init__(self, token_channels: int, llm_width: int, num_layers: int, every: int = 1,
                 num_heads: int | None = None, hidden_width: int | None = None, initial_gate: float = 0.0,
                 max_new_tokens: int = 32, num_beams: int | None = None, temperature: float = 0.0):
        super().__init__()
        self.max_new_tokens, self.num_beams, self.temperature = max_new_tokens, num_beams, temperature
        self.fusion = GatedCrossAttention(token_channels, llm_width, num_layers, every, num_heads or llm_width // 64,
                                          hidden_width or 4 * llm_width, initial_gate)
        self.rows = nn.Embedding(2, llm_width)  # of <image> and <|endofchunk|>, added to those of START_WORDS
        nn.init.zeros_(self.rows.weight)

    def supports(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in text."""
        return output_format.is_text

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, LossTerm]:
        """Cross-entropy of the text behind each picture."""
        chunks, sizes = split_documents(instructions)
        answers = [single_answer(target) if chunk.is_open else None for chunk, target in zip(chunks, targets)]
        documents = [self._embed(llm, *each) for each in zip(split(chunks, sizes), split(answers, sizes))]
        embeddings, mask, positions = left_pad([document.embeddings for document in documents])
        ids, time = (left_pad_ids([getattr(each, name) for each in documents], value)
                     for name, value in (('ids', -1), ('time', 0)))
        with self.fusion.bind(llm.decoder, pad_media(tokens, sizes), time):
            states, _ = llm(embeddings, None, causal_mask(mask), positions)
        learned = ids[:, 1:] >= 0
        logits, ids = llm.lm_logits(states[:, :-1][learned]), ids[:, 1:][learned]
        correct = (logits.detach().argmax(-1) == ids).sum()
        return dict(loss_text=LossTerm(F.cross_entropy(logits, ids, reduction='sum'), len(ids)),
                    acc_text=LossTerm(100 * correct, len(ids)))

    def alignment_loss(self, llm: CausalLM, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """No loss of its own."""
        return {}

    def picture_states(self, llm: CausalLM, tokens: ImageTokens) -> Tensor:
        """What the language model's first layer reads at each picture: ``float[B, E]``."""
        image, _ = self._embed_rows(llm)
        time = torch.ones(len(tokens.boxes), 1, dtype=torch.long, device=image.device)
        return cross_attend(self.fusion.layers['0'], image.expand(len(time), 1, -1), tokens.embeddings[:, None],
                            time)[:, 0]

    @torch.no_grad()
    def predict(self, llm: CausalLM, instructions: list[Instruction],
                tokens: ImageTokens) -> list[tuple[str, float]]:
        """The answer of each document and the mean probability of its tokens, at its last picture; at the others the
        given text and 1."""
        chunks, sizes = split_documents(instructions)
        documents = [self._embed(llm, each, [None] * len(each)) for each in split(chunks, sizes)]
        time = left_pad_ids([document.time for document in documents], 0)
        with self.fusion.bind(llm.decoder, pad_media(tokens, sizes), time):
            found = generate(llm, [document.embeddings for document in documents], self.max_new_tokens,
                             self.num_beams or 1, self.temperature)
        answers = iter([hypotheses[0] for hypotheses in found])
        return [next(answers) if chunk.is_open else (chunk.text, 1.0) for chunk in chunks]

    @torch.no_grad()
    def choice_log_probs(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
                         choices: list[tuple[str, ...]]) -> list[list[float]]:
        """Log-probability of each of the ``choices`` of each document as its answer, summed over its tokens and its
        end."""
        chunks, sizes = split_documents(instructions)
        documents = [self._embed(llm, each, [None] * len(each)) for each in split(chunks, sizes)]
        asked = [chunk for chunk in chunks if chunk.is_open]
        answers = [[self._choice_ids(llm, chunk.text, choice) for choice in own] for chunk, own in zip(asked, choices)]
        time = left_pad_ids([document.time for document in documents], 0)
        longest = max(sum(len(ids) for ids, _ in each) for each in answers)
        time = torch.cat([time, time[:, -1:].expand(-1, longest)], 1)
        with self.fusion.bind(llm.decoder, pad_media(tokens, sizes), time):
            states, ids, real, number = answer_states(llm, [document.embeddings for document in documents], answers)
        log_probs = llm.lm_logits(states).log_softmax(-1).gather(-1, ids[..., None])[..., 0].masked_fill(~real, 0)
        return [[float(row[own == index].sum()) for index in range(len(each))]
                for row, own, each in zip(log_probs, number, choices)]

    def _choice_ids(self, llm: CausalLM, before: str, choice: str) -> tuple[Tensor, Tensor]:
        """Token ids ``int[T]`` of an answer behind the text of an open chunk, with its end; all of them count."""
        start = len(self._token_ids(llm, before.rstrip()))
        ids = F.pad(self._token_ids(llm, before + choice)[start:], (0, 1), value=llm.vocabulary.end)
        return ids, torch.ones_like(ids, dtype=torch.bool)

    add_pred_to_sample = staticmethod(NextTokenHead.add_pred_to_sample)

    def _embed(self, llm: CausalLM, chunks: Sequence[Chunk], answers: Sequence[str | None]) -> Document:
        """A document; ``answers`` to its open chunks, None where there is none yet."""
        image, end_of_chunk = self._embed_rows(llm)
        embeddings, ids, pictures = [], [], []
        for chunk, answer in zip(chunks, answers):
            closed = not chunk.is_open or answer is not None
            before = self._token_ids(llm, chunk.before)
            text = self._token_ids(llm, chunk.text + (answer or '') if closed else chunk.text.rstrip())
            embeddings += [llm.embed(before), image, llm.embed(text), end_of_chunk[:int(closed)]]
            end = text.new_full((int(closed), ), llm.vocabulary.end)
            ids += [before.new_full((len(before) + 1, ), -1), text, end]
            pictures += [torch.zeros_like(before), text.new_ones(1), torch.zeros_like(text), torch.zeros_like(end)]
        return Document(torch.cat(embeddings), torch.cat(ids), torch.cat(pictures).cumsum(0))

    def _embed_rows(self, llm: CausalLM) -> tuple[Tensor, Tensor]:
        """Input embeddings of ``<image>`` and ``<|endofchunk|>``, ``float[1, E]`` each."""
        return (llm.embed_names(list(START_WORDS)) + self.rows.weight).split(1)

    def _token_ids(self, llm: CausalLM, text: str) -> Tensor:
        return torch.tensor(llm.vocabulary.encode(text), dtype=torch.long, device=self.rows.weight.device)


def split_documents(instructions: Sequence[Instruction]) -> tuple[list[Chunk], list[int]]:
    """The chunks of B instructions, and the number of chunks of each of the D documents.

    Raises:
        ConfigError: The last document has no open chunk.
    """
    chunks = [parse_chunk(instruction.text) for instruction in instructions]
    if not chunks[-1].is_open:
        raise ConfigError(f'A document ends with "{instructions[-1].text}", and there is nothing to answer: its last '
                          'instruction must not end with <|endofchunk|>.')
    ends = [index + 1 for index, chunk in enumerate(chunks) if chunk.is_open]
    return chunks, [end - start for start, end in zip([0, *ends], ends)]


def split(items: list, sizes: list[int]) -> list[list]:
    """Parts of a list, of these sizes."""
    ends = torch.tensor(sizes).cumsum(0).tolist()
    return [items[end - size:end] for size, end in zip(sizes, ends)]


def single_answer(target: Target) -> str:
    """The text that an open chunk is to be answered with.

    Raises:
        ConfigError: There is none, or there are several.
    """
    answers = target.answers()
    if len(answers) != 1 or len(answers[0]) != 1:
        raise ConfigError(f'A sample that asks for (text) has {sum(map(len, answers))} texts to learn from; a document '
                          'needs one. Use a dataset of documents, or of one caption a sample.')
    return answers[0][0]


def pad_media(tokens: ImageTokens, sizes: list[int]) -> Tensor:
    """Latents ``float[D, N, L, C]`` of documents of ``sizes`` pictures; zeros where a document has fewer than N."""
    return pad_sequence(tokens.embeddings.split(sizes), batch_first=True)


def left_pad_ids(ids: list[Tensor], value: int) -> Tensor:
    """``int[D, T]`` of ``int[T']`` each, filled with ``value`` on the left."""
    length = max(map(len, ids))
    return torch.stack([F.pad(each, (length - len(each), 0), value=value) for each in ids])
