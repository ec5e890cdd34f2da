"""Text by next-token prediction: captions, and answers to questions, from the same language model.

    instruction .. image prompt .. instruction | answer <end> | question | answer <end> ...

In training all captions of an image follow one prompt, and do not see one another.

Dimensions: B images, T tokens of the longest prompt, A tokens of all answers to the image with most, E width of the
language model.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from visionllm.errors import ConfigError
from visionllm.language import Instruction, OutputFormat
from visionllm.language.conversation import Conversation, find_conversation
from visionllm.language.instructions import IMAGE_SLOT
from visionllm.structures import ImageTokens, LossTerm, Target

from ..llms import CausalLM, Hypothesis, causal_mask, generate, left_pad
from .grounded_reranking import grounded_reranking

CAPTION_BEAMS = 5


@MODELS.register_module()
class NextTokenHead(BaseModule):
    """Text from a language model that has the image prompt where the instruction says ``<image>``.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        image_prompt: Config of ``DetectionPrompt``, ``SymbolicPrompt`` or ``ProjectedPrompt``.
        conversation: Name of a template in ``CONVERSATIONS``: how instruction, questions and answers are written as one
            text.
        max_new_tokens, num_beams, temperature: As of ``generate``; None for ``CAPTION_BEAMS`` where an instruction asks
            for a sure text, as for captions, and the tokens are a published detector's, and for 1 elsewhere.
    """

    def __init__(self, token_channels: int, llm_width: int, image_prompt: dict, conversation: str = 'lines',
                 max_new_tokens: int = 64, num_beams: int | None = None, temperature: float = 0.0):
        super().__init__()
        self.conversation, self.max_new_tokens = find_conversation(conversation), max_new_tokens
        self.num_beams, self.temperature = num_beams, temperature
        self.image_prompt = MODELS.build({**image_prompt, 'token_channels': token_channels, 'llm_width': llm_width})

    def supports(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in text."""
        return output_format.is_text

    def loss(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, LossTerm]:
        """Cross-entropy of the answers' tokens (questions in between are not learned), and the prompt's own loss."""
        losses = self.alignment_loss(llm, tokens, targets)
        images = self.image_prompt(llm, instructions, tokens, targets)
        return losses | self.text_loss(llm, instructions, images, targets)

    def alignment_loss(self, llm: CausalLM, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """The image prompt's own loss; the language model is not run."""
        return self.image_prompt.alignment_loss(llm, tokens, targets)

    def text_loss(self, llm: CausalLM, instructions: list[Instruction], images: list[Tensor],
                  targets: list[Target]) -> dict[str, LossTerm]:
        """Cross-entropy of the answers' tokens.

        Args:
            images: Embeddings ``float[n, E]`` that stand for each image.
        """
        answers = [[tokenize_turns(llm, turns, self.conversation) for turns in target.answers()] for target in targets]
        with llm.answering_in_text():
            states, ids, learned, _ = answer_states(llm, self.embed_prompts(llm, instructions, images), answers)
        logits, ids = llm.lm_logits(states[learned]), ids[learned]
        correct = (logits.detach().argmax(-1) == ids).sum()
        return dict(loss_text=LossTerm(F.cross_entropy(logits, ids, reduction='sum'), len(ids)),
                    acc_text=LossTerm(100 * correct, len(ids)))

    @torch.no_grad()
    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[Hypothesis]:
        """One answer per image, and the mean probability of its tokens: of a beam search's hypotheses the best that
        the tokens bear out (``grounded_reranking``)."""
        prompts = self.embed_prompts(llm, instructions, self.image_prompt(llm, instructions, tokens))
        members = defaultdict(list)
        for index, instruction in enumerate(instructions):
            members[self._beams(instruction, tokens)].append(index)
        found = {}
        with llm.answering_in_text():
            for beams, rows in members.items():
                found |= zip(rows, generate(llm, [prompts[row] for row in rows], self.max_new_tokens, beams,
                                            self.temperature))
        ranked = grounded_reranking([found[row] for row in range(len(prompts))], tokens)
        return [hypotheses[0] for hypotheses in ranked]

    def _beams(self, instruction: Instruction, tokens: ImageTokens) -> int:
        """Those that are set; otherwise several for a text that must be sure, if detections can tell them apart."""
        if self.num_beams is not None or self.temperature:
            return self.num_beams or 1
        must_be_sure = instruction.output_format.certainty is not None
        return CAPTION_BEAMS if must_be_sure and tokens.class_logits is not None else 1

    @staticmethod
    def add_pred_to_sample(sample: DetDataSample, instructions: Sequence[Instruction],
                           predictions: Sequence[tuple[str, float]], rescale: bool) -> None:
        """Set ``pred_text``, the answers to the instructions, joined, and ``pred_text_score``, the lowest of theirs."""
        texts, scores = zip(*predictions)
        sample.set_field(' '.join(texts), 'pred_text', dtype=str)
        sample.set_field(min(scores), 'pred_text_score', dtype=float)

    def embed_prompts(self, llm: CausalLM, instructions: list[Instruction], images: list[Tensor]) -> list[Tensor]:
        """Everything before the answer, ``float[T, E]`` of each image; images are ``float[n, E]``."""
        return [embed_around_image(llm, self.conversation.open(instruction.text), image)
                for instruction, image in zip(instructions, images)]


def embed_around_image(llm: CausalLM, text: str, image: Tensor) -> Tensor:
    """Embeddings ``float[T, E]`` of a text with ``<image>`` in it, where the image is ``float[n, E]``."""
    before, _, after = text.partition(IMAGE_SLOT)
    return torch.cat([llm.embed_text(before, start=True)[0], image, llm.embed_text(after)[0]])


def answer_states(llm: CausalLM, prompts: list[Tensor],
                  answers: list[list[tuple[Tensor, Tensor]]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States that predict the tokens of answers, all answers of a prompt in one pass.

    Args:
        prompts: Embeddings ``float[T, E]`` of each of B prompts.
        answers: As of ``pack_answers``.

    Returns:
        States ``float[B, A, E]``, each that before a token, and what ``pack_answers`` returns of the tokens.
    """
    context, mask, positions = left_pad(prompts)
    ids, learned, number = pack_answers(answers)
    attention, own = packed_layout(mask, number)
    states, _ = llm(torch.cat([context, llm.embed(ids)], 1), None, attention, torch.cat([positions, own], 1))
    first = own == mask.sum(1, keepdim=True)  # of its answer, predicted by the prompt's last state
    before = torch.where(first[..., None], states[:, mask.shape[1] - 1, None], states[:, mask.shape[1] - 1:-1])
    return before, ids, learned, number


def pack_answers(answers: list[list[tuple[Tensor, Tensor]]]) -> tuple[Tensor, Tensor, Tensor]:
    """The answers to each image behind one another, at most A tokens.

    Args:
        answers: What ``tokenize_turns`` returned for each answer of each image.

    Returns:
        Token ids ``int[B, A]``; which of them are learned, ``bool[B, A]``; and the number of the answer that each
        belongs to, ``int[B, A]``, -1 for padding.
    """
    ids, learned = ([torch.cat(parts) for parts in each] for each in zip(*(zip(*each) for each in answers)))
    number = [torch.cat([torch.full_like(part, index) for index, (part, _) in enumerate(each)]) for each in answers]
    return (pad_sequence(ids, batch_first=True), pad_sequence(learned, batch_first=True),
            pad_sequence(number, batch_first=True, padding_value=-1))


def packed_layout(prompt_mask: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
    """Attention of prompts and the answers packed behind them: an answer sees the prompt and itself.

    Args:
        prompt_mask: ``bool[B, T]``, True = real token.
        number: ``int[B, A]``, of the answer that each token belongs to.

    Returns:
        ``bool[B, T + A, T + A]``, and position ids ``int[B, A]`` of the answers, each of which follows the prompt.
    """
    same = number[:, :, None] == number[:, None]
    causal = torch.ones_like(same[0]).tril()
    positions = prompt_mask.sum(1, keepdim=True) + (same & causal).sum(2) - 1
    seen = torch.cat([prompt_mask[:, None].expand(-1, number.shape[1], -1), same & causal], 2)
    return torch.cat([F.pad(causal_mask(prompt_mask), (0, number.shape[1])), seen], 1), positions


def tokenize_turns(llm: CausalLM, turns: tuple[str, ...], conversation: Conversation) -> tuple[Tensor, Tensor]:
    """Token ids ``int[T]`` of answers and questions in turn, and ``bool[T]``: which tokens belong to answers.

    Raises:
        ConfigError: There is no answer.
    """
    if not turns:
        raise ConfigError('A sample that asks for (text) has no text to learn from. Its dataset must give "turns", as '
                          'CaptionDataset and ConversationDataset do.')
    parts = [turn if number % 2 == 0 else conversation.ask(turn) for number, turn in enumerate(turns)]
    return tokenize_parts(llm, parts, first_learned=True)


def tokenize_parts(llm: CausalLM, parts: Sequence[str], first_learned: bool) -> tuple[Tensor, Tensor]:
    """Token ids ``int[T]`` of texts of which every other one is learned, and ends with ``<end>``; and ``bool[T]``:
    which tokens are learned."""
    ids, learned, is_answer = [], [], first_learned
    for text in parts:
        part = llm.vocabulary.encode(text) + [llm.vocabulary.end] * is_answer
        ids += part
        learned += [is_answer] * len(part)
        is_answer = not is_answer
    device = llm.new_rows.weight.device
    return torch.tensor(ids, device=device), torch.tensor(learned, device=device)
