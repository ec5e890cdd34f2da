"""Whether an image token has the colours that a name or an expression says: "red car", "the man in a white shirt" (an
addition to the paper). Which words are read decides what a token is; its pixels decide the colour.

Dimensions: B images, M image tokens, V words, K named classes, P parts of a box.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from visionllm.language.colour_terms import COLOURS, PARTS, ColourTerm, colour_terms, without_colours
from visionllm.structures import ImageTokens

# chosen for expressions with colours about coco-mini's train split
ENOUGH = 0.35  # share of the pixels of a part from which on it has a colour
FLOOR = 0.02  # added to shares
WEIGHT = 1.5  # of the logarithm: a token without the colour loses 5.9


def add_colour_logits(logits: Tensor, class_sets: Sequence[Sequence[str]], tokens: ImageTokens) -> Tensor:
    """Log-odds ``float[B, M, K + 1]`` of classes, lowered where the colours of a name are not those of the token.

    Args:
        logits: ``float[B, M, K + 1]``.
        class_sets: Names of the classes of B images, at most K.
    """
    terms = {(b, k): found for b, names in enumerate(class_sets) for k, name in enumerate(names)
             if (found := colour_terms(name))}
    if not terms or tokens.colours is None:
        return logits
    rows = sorted({b for b, _ in terms})
    shares = dict(zip(rows, tokens[rows].colours.compute()))  # [M, P, 11] each
    logits = logits.clone()
    for (b, k), found in terms.items():
        logits[b, :, k] += colour_log_odds(shares[b], found)
    return logits


def pool_same_nouns(log_probs: Tensor, class_sets: Sequence[Sequence[str]]) -> Tensor:
    """Log-probabilities ``float[B, V, K + 1]`` of the classes given each word, where names that differ in their colours
    alone ("red car", "blue car", "car") do not compete: each has the probability of all of them.

    Args:
        class_sets: As of ``add_colour_logits``.
    """
    pooled = log_probs.clone()
    for row, names in zip(pooled, class_sets):
        things = [without_colours(name) for name in names]
        for thing in {thing for thing in things if things.count(thing) > 1}:
            members = [k for k, own in enumerate(things) if own == thing]
            row[:, members] = row[:, members].logsumexp(-1, keepdim=True)
    return pooled


def colour_log_odds(shares: Tensor, terms: Sequence[ColourTerm]) -> Tensor:
    """Log-odds ``float[M]``, at most 0, that tokens with shares of colours ``float[M, P, 11]`` have all ``terms``."""
    index = torch.tensor([(PARTS.index(term.part), COLOURS.index(term.colour)) for term in terms])
    has = (shares[:, index[:, 0], index[:, 1]] / ENOUGH).clamp_max(1)  # [M, n]
    negated = torch.tensor([term.negated for term in terms], device=shares.device)
    return WEIGHT * ((torch.where(negated, 1 - has, has) + FLOOR) / (1 + FLOOR)).log().sum(1)
