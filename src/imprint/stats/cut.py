"""The most confident share of a sample, exact where confidences tie.

Of n examples the ``percent`` most confident are m = max(1, round(n · percent / 100)), halves
rounded to even as by Python's ``round``. Confidences from few votes take few values, so the cut
usually falls into a group of equals; all of that group are then counted in equal part, which is
the expectation over every order they could be sorted in. No result depends on the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.stats.checks import sample


def check_percent(percent: float) -> None:
    """Check a share of the most confident examples.

    Raises:
        ImprintError: ``percent`` is not in (0, 100].
    """
    if not 0 < percent <= 100:
        raise ImprintError(f"confidence percentage {percent:g} must lie in (0, 100]")


def check_percents(percents: Sequence[float]) -> None:
    """Check the shares that are to be reported.

    Raises:
        ImprintError: there is none, or one is not in (0, 100].
    """
    if not percents:
        raise ImprintError("no confidence percentage is named: give at least one in (0, 100]")
    for percent in percents:
        check_percent(percent)


def cut_size(count: int, percent: float) -> int:
    """Return how many of ``count`` examples the most confident ``percent`` are, at least 1.

    >>> cut_size(50, 5), cut_size(1000, 5), cut_size(7, 1)
    (2, 50, 1)

    Raises:
        ImprintError: ``percent`` is not in (0, 100].
    """
    check_percent(percent)
    return max(1, round(count * percent / 100))


def cut_means(
    values: FloatArray,
    confidence: FloatArray,
    percent: float,
    weights: NDArray[np.int64] | None = None,
) -> FloatArray:
    """Return the mean of values over the most confident ``percent`` of a weighted sample.

    >>> right = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> cut_means(right, np.array([0.9, 0.5, 0.5, 0.1]), 50).tolist()
    [[0.75]]

    Args:
        values: ``[n, v]``.
        confidence: ``[n]``, higher is more confident; equal values are one group.
        percent: in (0, 100].
        weights: ``[draws, n]``, how often each row was drawn, n in total (a bootstrap resample);
            every row once when None.

    Returns:
        float64 ``[draws, v]``; one draw without weights.

    Raises:
        ImprintError: no example, a confidence that is not finite, or a percentage out of range.
    """
    sure = sample(confidence, "confidence")
    if weights is None:
        weights = np.ones((1, len(sure)), dtype=np.int64)
    taken = cut_size(len(sure), percent)
    order = np.argsort(-sure, kind="stable")
    starts = np.flatnonzero(np.diff(sure[order], prepend=np.inf))
    drawn = weights[:, order].astype(np.float64)
    group = np.add.reduceat(drawn, starts, axis=1)
    before = np.cumsum(group, axis=1) - group
    share = np.clip((taken - before) / np.maximum(group, 1), 0, 1)
    sums = [
        (np.add.reduceat(drawn * column[order], starts, axis=1) * share).sum(axis=1)
        for column in values.T
    ]
    return np.asarray(np.stack(sums, axis=1) / taken)
