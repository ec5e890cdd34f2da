"""Quantization of locations into location tokens (paper, section 3.1).

Coordinates are relative to the location of an image token, in bins of 1/512 of the image's width or height.
"""

import torch
from torch import Tensor

from .vocabulary import LOCATION_RANGE, NUM_LOCATION_TOKENS

NEAR = 8  # bins, 1/64 of the image's side: about the spread of the soft targets


def offsets_to_bins(offsets: Tensor) -> Tensor:
    """Quantize offsets without rounding.

    Args:
        offsets: ``float[...]``, relative to the image's width or height; clipped to [-1, 1].

    Returns:
        ``float[...]``, fractional bins in [0, 1024].
    """
    return (offsets * LOCATION_RANGE).clamp(-LOCATION_RANGE, LOCATION_RANGE) + LOCATION_RANGE


def bins_to_offsets(bins: Tensor) -> Tensor:
    """Inverse of :func:`offsets_to_bins`: ``float[...]`` to ``float[...]``."""
    return (bins - LOCATION_RANGE) / LOCATION_RANGE


def soft_bins(bins: Tensor, sigma: float) -> Tensor:
    """Target distribution over the location tokens around fractional bins.

    Args:
        bins: ``float[...]`` in [0, 1024].
        sigma: Standard deviation of the Gaussian in bins; 0 gives the paper's hard one-hot target.

    Returns:
        ``float[..., 1025]``, sums to 1.
    """
    grid = torch.arange(NUM_LOCATION_TOKENS, device=bins.device, dtype=bins.dtype)
    if sigma == 0:
        return (grid == bins.round()[..., None]).to(bins.dtype)
    return (-0.5 * ((grid - bins[..., None]) / sigma)**2).softmax(-1)


def expected_bin(logits: Tensor) -> Tensor:
    """Expectation over the location tokens: logits ``float[..., 1025]`` to bins ``float[...]``."""
    grid = torch.arange(NUM_LOCATION_TOKENS, device=logits.device, dtype=logits.dtype)
    return (logits.softmax(-1) * grid).sum(-1)


def probability_within(logits: Tensor, bins: Tensor) -> Tensor:
    """Probability of the location being within ``NEAR`` bins of a prediction.

    Args:
        logits: ``float[..., 1025]`` over the location tokens.
        bins: ``float[...]``, the predicted bins.

    Returns:
        ``float[...]``.
    """
    grid = torch.arange(NUM_LOCATION_TOKENS, device=logits.device)
    return (logits.softmax(-1) * ((grid - bins[..., None]).abs() <= NEAR)).sum(-1)
