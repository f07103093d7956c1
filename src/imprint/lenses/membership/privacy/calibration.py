"""Take from scores of canaries what a reference model explains of them."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray


def subtract_explained(scores: FloatArray, reference: FloatArray) -> FloatArray:
    """Return what is left of scores after a line in a reference's scores, by least squares.

    The line is of all canaries alike and sees no coin, so guesses by what is left are still
    guesses from the model alone. A plain difference would be the line of slope 1: right where
    members differ little from others, wrong where a model learnt labels that the reference
    finds absurd to very different degrees.

    >>> reference = np.array([0.0, 1.0, 2.0])
    >>> subtract_explained(np.array([1.0, 3.0, 5.0]), reference).round(9).tolist()
    [0.0, 0.0, 0.0]

    Args:
        scores: float64 ``[m]``.
        reference: float64 ``[m]``, of the same canaries; where all are equal, it explains nothing.
    """
    away = reference - reference.mean()
    spread = away @ away
    slope = (away @ scores) / spread if spread > 0 else 0.0
    return np.asarray(scores - scores.mean() - slope * away)
