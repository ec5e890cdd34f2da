"""Rows that frozen weights compute of words: each is computed once, and the ones used last are kept, on the CPU.

Dimensions: n words, D width of a row.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MAX_CACHED_WORDS = 4096  # all nouns of the exercises, and phrases; 0.1 MB each at most


class WordRows:
    """A row for each word that was asked for."""

    def __init__(self):
        self._rows: OrderedDict[str, Tensor] = OrderedDict()  # the last used last

    def get_or_compute(self, words: Sequence[str], compute: Callable[[list[str]], Tensor]) -> Tensor:
        """Rows ``float[n, D]``, on the CPU.

        Args:
            compute: Gives the rows of words that are not there.
        """
        new = [word for word in dict.fromkeys(words) if word not in self._rows]
        found = {word: self._rows[word] for word in words if word in self._rows}
        if new:
            found |= zip(new, compute(new).cpu())  # those from disk are there as well
        for word, row in found.items():
            self._rows[word] = row
            self._rows.move_to_end(word)
        while len(self._rows) > MAX_CACHED_WORDS:
            self._rows.popitem(last=False)
        return torch.stack([found[word] for word in words])
