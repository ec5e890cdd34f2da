"""Do scores mean what they say?"""

import numpy as np


def calibration_error(scores: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean distance of score and share right over equal-width bins, weighted by count.

    Args:
        scores: ``float[n]`` in [0, 1].
        right: ``bool[n]``.
        bins: Number of bins.

    Returns:
        In [0, 1]; 0 for no scores.
    """
    if len(scores) == 0:
        return 0.0
    which = np.minimum((scores * bins).astype(int), bins - 1)
    error = sum(abs(scores[which == b].sum() - right[which == b].sum()) for b in range(bins))
    return float(error / len(scores))
