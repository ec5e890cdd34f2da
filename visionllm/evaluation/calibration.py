"""Calibration of confidence scores.

Dimensions: n detections.
"""

import numpy as np


def calibration_error(scores: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error (Guo et al., 2017): mean gap of confidence and precision over bins of equal width.

    Bins are weighted by their number of detections.

    Args:
        scores: Confidences ``float[n]`` in [0, 1].
        correct: Whether each detection is a true positive, ``bool[n]``.
        bins: Number of bins.

    Returns:
        Error in [0, 1]; 0 if there are no scores.
    """
    if len(scores) == 0:
        return 0.0
    bin_index = np.minimum((scores * bins).astype(int), bins - 1)
    error = sum(abs(scores[bin_index == b].sum() - correct[bin_index == b].sum()) for b in range(bins))
    return float(error / len(scores))
