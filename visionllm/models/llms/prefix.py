"""The key-value cache of a text that is continued.

Dimensions: B sequences, S tokens of the prefix.
"""

from dataclasses import dataclass
from inspect import signature

from torch import Tensor
from transformers import LlamaModel

# transformers renames the argument in 5.24, and drops the old name in 5.40
CACHE_ARGUMENT = 'cache' if 'cache' in signature(LlamaModel.forward).parameters else 'past_key_values'


@dataclass
class Prefix:
    """Key-value cache of a prefix."""
    layers: list[tuple[Tensor, Tensor]]  # keys and values of each layer, float[B, heads, S, head_dim]
    length: int  # S

    def expand(self, batch: int) -> 'Prefix':
        """A prefix of one sequence, expanded to ``batch`` sequences."""
        layers = [(k.expand(batch, -1, -1, -1), v.expand(batch, -1, -1, -1)) for k, v in self.layers]
        return Prefix(layers, self.length)

    def select(self, rows: Tensor) -> 'Prefix':
        """The prefixes of the sequences with indices ``int[B']``; of a single sequence nothing is copied."""
        if len(self.layers[0][0]) == 1:
            return self.expand(len(rows))
        return Prefix([(k[rows], v[rows]) for k, v in self.layers], self.length)

    def truncate(self, length: int) -> 'Prefix':
        """A copy of the first ``length`` tokens."""
        return Prefix([(k[:, :, :length].clone(), v[:, :, :length].clone()) for k, v in self.layers], length)
