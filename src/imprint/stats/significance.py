"""Exact tests of paired yes/no outcomes."""

from __future__ import annotations

from scipy.stats import binom

from imprint.errors import ImprintError


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p-value of McNemar's test.

    Under the null hypothesis a discordant pair falls either way with probability 1/2, so
    p = min(1, 2 · P[Binomial(b + c, 1/2) ≤ min(b, c)]); 1 without discordant pairs.

    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947.

    Args:
        b: pairs where only the first is right.
        c: pairs where only the second is right.

    Raises:
        ImprintError: a count is negative.

    >>> mcnemar(5, 0)
    0.0625
    """
    if min(b, c) < 0:
        raise ImprintError(f"McNemar's test counts pairs, got {b} and {c}: give counts ≥ 0")
    return min(1.0, 2.0 * float(binom.cdf(min(b, c), b + c, 0.5)))
