"""Places in words: offsets from an image token's place, in bins of 1/512 of the picture's side."""

import torch
from torch import Tensor

from .vocabulary import LOCATION_RANGE, NUM_LOCATION_TOKENS

NEAR = 8  # bins, 1/64 of the picture's side: as far as what is taught is spread


def offsets_to_bins(offsets: Tensor) -> Tensor:
    """Offsets as shares of the picture's side to (fractional) bins in [0, 1024], clipped to what can be said."""
    return (offsets * LOCATION_RANGE).clamp(-LOCATION_RANGE, LOCATION_RANGE) + LOCATION_RANGE


def bins_to_offsets(bins: Tensor) -> Tensor:
    """Inverse of :func:`offsets_to_bins`."""
    return (bins - LOCATION_RANGE) / LOCATION_RANGE


def soft_bins(bins: Tensor, sigma: float) -> Tensor:
    """Target distribution over the location tokens around fractional bins.

    Args:
        bins: ``float[...]`` in [0, 1024].
        sigma: Width of the Gaussian in bins; 0 gives the paper's hard one-hot target.

    Returns:
        ``float[..., 1025]``, sums to 1.
    """
    grid = torch.arange(NUM_LOCATION_TOKENS, device=bins.device, dtype=bins.dtype)
    if sigma == 0:
        return (grid == bins.round()[..., None]).to(bins.dtype)
    return (-0.5 * ((grid - bins[..., None]) / sigma)**2).softmax(-1)


def expected_bin(logits: Tensor) -> Tensor:
    """Expectation over the location tokens: ``float[..., 1025]`` logits to ``float[...]`` bins."""
    grid = torch.arange(NUM_LOCATION_TOKENS, device=logits.device, dtype=logits.dtype)
    return (logits.softmax(-1) * grid).sum(-1)


def probability_near(logits: Tensor, bins: Tensor) -> Tensor:
    """How likely a location is to lie within ``NEAR`` bins of an answer ``float[...]``, by its logits
    ``float[..., 1025]``."""
    grid = torch.arange(NUM_LOCATION_TOKENS, device=logits.device)
    return (logits.softmax(-1) * ((grid - bins[..., None]).abs() <= NEAR)).sum(-1)
