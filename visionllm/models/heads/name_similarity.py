"""How near the meanings of class names and words are, by a sentence encoder that has read more of them than any lesson.

Dimensions: n words, B instructions, K named classes, D width of the encoder.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from .word_rows import WordRows

SAME = 10 - 1e-3  # tenths of the cosine similarity of a name and a word that are the same, but for their case
OTHER_LOGIT = -5.0  # of a word that a name does not mean


class NameSimilarity(nn.Module):
    """Cosine similarity of class names and words, as an addition to the logits of class-map reading:
    ``weight * (similarity - offset) - competition * (best - similarity)``, all in tenths.

    The best similarity is that of the name with any of the words: a bird is rather what is called so than a cat. A name
    that is itself one of the words means no other one: a dog is no hot dog.

    Args:
        encoder: Of names and words, frozen.
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.offset = nn.Parameter(torch.tensor(6.0))
        self.competition = nn.Parameter(torch.tensor(0.5))
        self._rows = WordRows()

    def forward(self, words: Sequence[str], class_sets: Sequence[Sequence[str]]) -> Tensor:
        """Additions ``float[B, n, K]`` to the logits of the classes, K of the longest class set."""
        words = self.embed(words)  # [n, D]
        similarity = [10 * self.embed(names) @ words.T for names in class_sets]  # [k, n]
        similarity = pad_sequence(similarity, batch_first=True).mT  # [B, n, K]
        best = similarity.amax(1, keepdim=True)
        logits = self.weight * (similarity - self.offset) - self.competition * (best - similarity)
        return logits + OTHER_LOGIT * ((best >= SAME) & (similarity < SAME))

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Embeddings ``float[n, D]`` of length one."""
        return self._rows.get_or_compute(texts, self.encoder).to(self.weight)
