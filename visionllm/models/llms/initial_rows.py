"""Initial embeddings of the added tokens.

Dimensions: V tokens of the base vocabulary, n added ones, E width of the language model.
"""

import math

import torch
from torch import Tensor

from visionllm.language.vocabulary import FORMAT_TOKENS, LOCATION_TOKENS, NEW_TOKENS, NUM_LOCATION_TOKENS, Vocabulary


def initial_rows(base: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Embeddings ``float[n, E]`` of the added tokens.

    Class tokens: a Gaussian with the base embeddings' mean and standard deviation. Location tokens: Fourier features of
    the bin, so that neighbouring bins are similar. ``<cls>``: the base embedding of the separator between a name and
    its class token in the class map.

    Args:
        base: ``float[V, E]``, embeddings of the base vocabulary.
        vocabulary: Of the language model.
    """
    base = base.float()
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(len(NEW_TOKENS), base.shape[1], generator=generator) * base.std(0) + base.mean(0)
    index = vocabulary.new_index
    start = index(LOCATION_TOKENS[0])
    phase = torch.linspace(-math.pi, math.pi, NUM_LOCATION_TOKENS, device=base.device)[:, None]
    frequencies = torch.exp(torch.randn(base.shape[1] // 2, generator=generator) * 1.2 + 1.0)
    features = torch.cat([(phase * frequencies).cos(), (phase * frequencies).sin()], 1)
    rows[start:start + NUM_LOCATION_TOKENS, :features.shape[1]] = features * base.std()
    separator = vocabulary.encode('":')
    rows[index('<cls>')] = base[separator].mean(0)
    rows[index(FORMAT_TOKENS[1]):index(FORMAT_TOKENS[-1]) + 1] *= 0.5
    return rows
