"""Text by next-token prediction: captions, and answers to questions, from the same language model.

    instruction .. image prompt .. instruction | answer <end> | question | answer <end> ...

Dimensions: B images, T tokens of the longest text of the batch, E width of the language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.model import BaseModule
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.language import Instruction, OutputFormat
from visionllm.structures import ImageTokens, LossTerm, Target

from ..llms import CausalLM, causal_mask, left_pad


@MODELS.register_module()
class NextTokenHead(BaseModule):
    """Text from a language model that has the image prompt where the instruction says ``<image>``.

    Args:
        token_channels: Channels of the image tokens.
        llm_width: E.
        image_prompt: Config of ``SymbolicPrompt`` or ``ProjectedPrompt``.
        opening: Text between the instruction and the answer.
        max_new_tokens: Longest answer.
    """

    def __init__(self, token_channels: int, llm_width: int, image_prompt: dict, opening: str = '\n',
                 max_new_tokens: int = 64):
        super().__init__()
        self.opening, self.max_new_tokens = opening, max_new_tokens
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
        prompts = self.embed_prompts(llm, instructions, images)
        answers = [tokenize_turns(llm, target.turns) for target in targets]
        texts = [torch.cat([prompt, llm.embed(ids)]) for prompt, (ids, _) in zip(prompts, answers)]
        embeddings, mask, positions = left_pad(texts)
        states, _ = llm(embeddings, attention=causal_mask(mask), positions=positions)
        length = max(len(ids) for ids, _ in answers)
        ids = torch.stack([F.pad(ids, (length - len(ids), 0)) for ids, _ in answers])
        learned = torch.stack([F.pad(each, (length - len(each), 0)) for _, each in answers])
        shifted = states[:, -length - 1:-1]  # each state predicts the token after it
        logits, ids = llm.lm_logits(shifted[learned]), ids[learned]
        correct = (logits.detach().argmax(-1) == ids).sum()
        return dict(loss_text=LossTerm(F.cross_entropy(logits, ids, reduction='sum'), len(ids)),
                    acc_text=LossTerm(100 * correct, len(ids)))

    @torch.no_grad()
    def predict(self, llm: CausalLM, instructions: list[Instruction], tokens: ImageTokens) -> list[str]:
        """Greedy decoding, one answer per image."""
        images = self.image_prompt(llm, instructions, tokens)
        embeddings, mask, positions = left_pad(self.embed_prompts(llm, instructions, images))
        states, prefix = llm(embeddings, attention=causal_mask(mask), positions=positions)
        ids = torch.full((len(instructions), 0), llm.vocabulary.end, device=mask.device)
        finished = torch.zeros(len(instructions), dtype=torch.bool, device=mask.device)
        while True:
            new = llm.lm_logits(states[:, -1]).argmax(-1).masked_fill(finished, llm.vocabulary.end)
            ids = torch.cat([ids, new[:, None]], 1)
            finished = finished | (new == llm.vocabulary.end)
            if finished.all() or ids.shape[1] == self.max_new_tokens:
                return [llm.vocabulary.decode(row) for row in ids.tolist()]
            mask, positions = F.pad(mask, (0, 1), value=True), positions[:, -1:] + 1
            states, prefix = llm(llm.embed(new[:, None]), prefix, mask[:, None], positions)

    @staticmethod
    def add_pred_to_sample(sample: DetDataSample, instructions: Sequence[Instruction], predictions: Sequence[str],
                           rescale: bool) -> None:
        """Set ``pred_text``: the answers to the instructions, joined."""
        sample.set_field(' '.join(predictions), 'pred_text', dtype=str)

    def embed_prompts(self, llm: CausalLM, instructions: list[Instruction], images: list[Tensor]) -> list[Tensor]:
        """Everything before the answer, ``float[T, E]`` of each image; images are ``float[n, E]``."""
        prompts = []
        for instruction, image in zip(instructions, images):
            before, _, after = instruction.text.partition('<image>')
            prompts.append(torch.cat([llm.embed_text(before)[0], image, llm.embed_text(after + self.opening)[0]]))
        return prompts


def tokenize_turns(llm: CausalLM, turns: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Token ids ``int[T]`` of answers and questions in turn, and ``bool[T]``: which tokens belong to answers.

    Raises:
        ConfigError: There is no answer.
    """
    if not turns:
        raise ConfigError('A sample that asks for (text) has no text to learn from. Its dataset must give "turns", as '
                          'CaptionDataset and ConversationDataset do.')
    ids, learned = [], []
    for number, turn in enumerate(turns):
        is_answer = number % 2 == 0
        part = llm.vocabulary.encode(turn) + [llm.vocabulary.end] if is_answer else llm.vocabulary.encode(f'\n{turn}\n')
        ids += part
        learned += [is_answer] * len(part)
    device = llm.new_rows.weight.device
    return torch.tensor(ids, device=device), torch.tensor(learned, device=device)
