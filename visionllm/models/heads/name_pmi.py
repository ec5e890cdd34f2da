"""What the language model knows of a word by itself: pointwise mutual information (PMI) of class names and words.

How much more likely than elsewhere is "animal" behind "A zebra is a kind of"? The frozen language model answers without
having been taught any kinds, and without the instruction.

Dimensions: n words, B instructions, K named classes, V tokens of the base vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from visionllm.errors import ConfigError

from ..disk_cache import get_or_compute
from ..llms import CausalLM
from .word_rows import WordRows

PROMPTS = ('A {} is a kind of', 'A {} is a type of')
BATCH = 64  # prompts of a pass


class NamePMI(nn.Module):
    """PMI of class names and words, as an addition to the logits of class-map reading: ``weight * (pmi - offset)``.

    Of a class name its first token counts, or the first token of its last word, whichever is the more likely: names of
    things end in a noun.

    Args:
        vocab_size: V.
    """

    def __init__(self, vocab_size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.8))
        self.offset = nn.Parameter(torch.tensor(1.5))
        self.register_buffer('prior', torch.zeros(vocab_size))  # log-probabilities behind all words on average
        self._rows = WordRows()  # the base never changes

    def forward(self, llm: CausalLM, words: Sequence[str], class_sets: Sequence[Sequence[str]]) -> Tensor:
        """Additions ``float[B, n, K]`` to the logits of the classes, K of the longest class set."""
        rows = self.log_probs(llm, words) - self.prior  # [n, V]
        pmi = [rows[:, self._first_tokens(llm, names)].amax(1).T for names in class_sets]  # [k, n]
        return self.weight * (pad_sequence(pmi, batch_first=True).mT - self.offset)

    @staticmethod
    def _first_tokens(llm: CausalLM, names: Sequence[str]) -> Tensor:
        """Token ids ``int[2, k]``: the first of each of k names, and the first of its last word."""
        return torch.tensor([[llm.vocabulary.encode(f' {text}')[0] for text in texts]
                             for texts in (names, [name.split()[-1] for name in names])])

    @torch.no_grad()
    def log_probs(self, llm: CausalLM, words: Sequence[str]) -> Tensor:
        """Log-probabilities ``float[n, V]`` of the token behind each word's prompts, averaged over the prompts.

        Raises:
            ConfigError: The language model has another vocabulary than the config says.
        """
        rows = self._rows.get_or_compute(words, lambda new: self._new_rows(llm, new)).to(self.prior)
        if rows.shape != (len(words), len(self.prior)):
            raise ConfigError(f'The language model has {rows.shape[-1]} tokens, and class_reader.vocab_size is '
                              f'{len(self.prior)}: set it to that number.')
        return rows

    @staticmethod
    def _new_rows(llm: CausalLM, words: list[str]) -> Tensor:
        """``half[n, V]``; of a vocabulary that a detector has, from the last process that computed it."""
        def compute() -> Tensor:
            batches = [words[start:start + BATCH] for start in range(0, len(words), BATCH)]
            rows = [sum(llm.next_token_log_probs([prompt.format(word) for word in some]) for prompt in PROMPTS)
                    for some in batches]
            return (torch.cat(rows) / len(PROMPTS)).half()
        if llm.has_random_weights or len(words) < BATCH:
            return compute()
        return get_or_compute('name-pmi', [llm.base_digest, *PROMPTS, *words], compute)

    def fit_prior(self, llm: CausalLM, words: Sequence[str]) -> None:
        """Set the prior to the average over these words."""
        self.prior.copy_(self.log_probs(llm, words).mean(0))
