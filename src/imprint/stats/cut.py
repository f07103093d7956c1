"""The most confident share of a sample, exact where confidences tie.

Of n examples the ``percent`` most confident are m = max(1, round(n · percent / 100)), halves
rounded to even as by Python's ``round``. Confidences from few votes take few values, so the cut
usually falls into a group of equals; all of that group are then counted in equal part, which is
the expectation over every order they could be sorted in. No result depends on the order of rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.errors import ImprintError
from imprint.stats.checks import FloatArray, pair, sample


def cut_size(count: int, percent: float) -> int:
    """Return how many of ``count`` examples the most confident ``percent`` are, at least 1.

    >>> cut_size(50, 5), cut_size(1000, 5), cut_size(7, 1)
    (2, 50, 1)

    Raises:
        ImprintError: ``percent`` is not in (0, 100].
    """
    if not 0 < percent <= 100:
        raise ImprintError(f"confidence percentage {percent:g} must lie in (0, 100]")
    return max(1, round(count * percent / 100))


def cut_weights(confidence: ArrayLike, percent: float) -> FloatArray:
    """Return how much of each example is among the most confident ``percent``.

    >>> cut_weights([0.9, 0.5, 0.5, 0.1], 50).tolist()
    [1.0, 0.5, 0.5, 0.0]

    Args:
        confidence: ``[n]``, higher is surer.
        percent: in (0, 100].

    Returns:
        float64 ``[n]`` in [0, 1], summing to :func:`cut_size`.

    Raises:
        ImprintError: no example, a confidence that is not finite, or a percentage out of range.
    """
    values = sample(confidence, "confidence")
    size = cut_size(len(values), percent)
    threshold = np.partition(values, len(values) - size)[len(values) - size]
    above, tied = values > threshold, values == threshold
    share = (size - np.count_nonzero(above)) / np.count_nonzero(tied)
    return np.asarray(above + share * tied)


def accuracy_at_confidence(correct: ArrayLike, confidence: ArrayLike, percent: float) -> float:
    """Return the accuracy on the most confident ``percent``, expected over orders of ties.

    >>> accuracy_at_confidence([True, True, False, False], [0.9, 0.5, 0.5, 0.1], 50)
    0.75

    Args:
        correct: ``[n]``, bool, or a share of correctness in [0, 1].
        confidence: ``[n]``, higher is surer.
        percent: in (0, 100].

    Raises:
        ImprintError: as :func:`cut_weights`, or the lengths differ.
    """
    right, sure = pair(correct, confidence, ("correct", "confidence"))
    return float(cut_weights(sure, percent) @ right / cut_size(len(right), percent))
