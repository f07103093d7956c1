"""Counts of guesses, checked, and the exact lower bound on a share that all bounds on ε begin with.

Source: Clopper, Pearson, Biometrika 1934.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError


def least_share(successes: IntArray, trials: IntArray, error: float) -> FloatArray:
    """Return the share at which so many successes, or more, have the probability ``error``.

    >>> float(least_share(np.array(5), np.array(5), 0.05).round(4))  # 0.05^(1/5)
    0.5493
    """
    share = betaincinv(np.maximum(1, successes), trials - successes + 1, error)
    return np.where(successes == 0, 0.0, share)


def one_run_counts(
    canaries: ArrayLike, guesses: ArrayLike, correct: ArrayLike
) -> tuple[IntArray, IntArray, IntArray]:
    """Return m, r ≤ m and v ≤ r as int64.

    Raises:
        ImprintError: counts that cannot be.
    """
    _, total = check_counts(guesses, canaries, "guesses", "canaries")
    right, made = check_counts(correct, guesses, "right guesses", "guesses")
    return total, made, right


def check_counts(
    part: ArrayLike, whole: ArrayLike, part_name: str, whole_name: str
) -> tuple[IntArray, IntArray]:
    """Return a count and what it is a part of, as int64.

    Raises:
        ImprintError: no integers, or not between 0 and the whole, which is at least 1.
    """
    counts, totals = np.asarray(part), np.asarray(whole)
    if not (np.issubdtype(counts.dtype, np.integer) and np.issubdtype(totals.dtype, np.integer)):
        raise ImprintError(f"{part_name} and {whole_name} are counts: give integers")
    if np.any(totals < 1) or np.any(counts < 0) or np.any(counts > totals):
        raise ImprintError(
            f"{part_name} {counts.tolist()} of {totals.tolist()} {whole_name}: each must be "
            f"between 0 and its {whole_name}, of which there must be one"
        )
    return counts.astype(np.int64), totals.astype(np.int64)


def error_of(confidence: float) -> float:
    """Return 1 − ``confidence``.

    Raises:
        ImprintError: the confidence is not in (0, 1).
    """
    if not 0 < confidence < 1:
        raise ImprintError(f"confidence {confidence:g} must lie in (0, 1)")
    return 1 - confidence


def check_delta(delta: ArrayLike) -> None:
    """Check δ.

    Raises:
        ImprintError: it is not in [0, 1).
    """
    values = np.asarray(delta)
    if not np.all((values >= 0) & (values < 1)):
        raise ImprintError("delta must lie in [0, 1)")
