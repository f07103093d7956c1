"""The true positive rate at a false positive rate, with the uncertainty of the threshold.

The threshold is itself estimated: it lies where the negatives say that a share ``fpr`` of them
scores above. How many of m negatives lie above the true threshold is binomial(m, fpr), exactly and
whatever the distribution, so the true threshold lies between the j-th and the next negative with a
known probability. Given the threshold, the number of positives above it is binomial, and the rate
has Jeffreys' posterior beta(c + ½, n − c + ½). The interval holds the central 94 % of that mixture
over j: positives between two possible thresholds count in the spread of both, so that its central
95 % covered 96 to 98. It depends on the order of scores alone; ties fall on the side that the rate
itself takes (positives strictly above the threshold).

Where scores take few values the threshold is one of few, and the rate jumps between them. The
chance u of the right threshold and the place v in its posterior are then both near uniform, and
the limit fails where u v is below the tail, with chance tail (1 + ln 1/tail): 13.5 % for 3 %. So
scores of which equal ones hold much of the mixture have a tail of their own; with a value whose
false positive rate is just above ``fpr`` 3 % covered 86 %, and 0.6 % covers 96 to 99.

Measured in ``benchmarks/interval_coverage.py``: with five expected false positives or more it
covers 94 to 98 %, where a binomial interval at the measured threshold covers 40 % (100 negatives,
1,000 positives, fpr 10 %). With fewer, both ends depend on one or two negatives, and no interval
is given.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betainc
from scipy.stats import binom

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.stats.checks import sample
from imprint.stats.estimate import Estimate
from imprint.stats.roc import roc, tpr_at_fpr

LEAST_FALSE_POSITIVES = 5
"""Expected false positives from which the interval covers what it claims."""
PLACES = (np.arange(4) + 0.5) / 4
"""Where between two negatives the threshold may lie: midpoints of four equal parts."""
TAIL = 0.03
"""Of the mixture, on either side: with it the interval covers 95 %."""
TAIL_OF_TIES = 0.006
"""The same, where scores take few values."""
MANY_TIED = 0.3
"""Of the mixture, in one value that several negatives share: scores take few values."""
NEGLIGIBLE = 1e-6
# A rate that is a count over the negatives, as written in decimal, may miss it by its rounding.
ROUNDING = 1e-12


def too_few_negatives(negatives: int, fpr: float) -> str | None:
    """Return why so many negatives give no interval at a false positive rate; None where they do.

    >>> too_few_negatives(100, 0.01)
    '100 non-members give 1 expected false positive at an FPR of 0.01: use at least 500 non-members'
    """
    if negatives * fpr >= LEAST_FALSE_POSITIVES * (1 - ROUNDING):
        return None
    expected = f"{negatives * fpr:.2g}"
    return (
        f"{negatives} non-members give {expected} expected false positive"
        f"{'' if expected == '1' else 's'} at an FPR of {fpr:g}: use at least "
        f"{math.ceil(LEAST_FALSE_POSITIVES / fpr - 1e-9)} non-members"
    )


def true_positive_rate(
    positives: ArrayLike, negatives: ArrayLike, fpr: float
) -> Estimate | Missing:
    """Return the greatest true positive rate at a false positive rate of at most ``fpr``.

    Args:
        positives: ``[n]``, e.g. scores of members; higher means more likely positive.
        negatives: ``[m]``.
        fpr: in (0, 1).

    Returns:
        The rate over the n positives, or the reason why there are too few negatives for one.

    Raises:
        ImprintError: a sample is empty, or holds a score that is not finite.
    """
    hit, miss = sample(positives, "scores of positives"), sample(negatives, "scores of negatives")
    reason = too_few_negatives(len(miss), fpr)
    if reason is not None:
        return Missing(reason)
    value = tpr_at_fpr(roc(hit, miss), fpr * (1 + ROUNDING))
    count, weight = _positives_above(hit, miss, fpr)
    few_values = len(count) > 1 and _largest_tie(miss, fpr) > MANY_TIED
    tail = TAIL_OF_TIES if few_values else TAIL

    def quantile(share: float) -> float:
        def excess(rate: float) -> float:
            return float(weight @ betainc(count + 0.5, len(hit) - count + 0.5, rate)) - share

        return float(brentq(excess, 0.0, 1.0, xtol=1e-9))

    interval = min(quantile(tail), value), max(quantile(1 - tail), value)
    return Estimate(value, interval, len(hit))


def _positives_above(
    hit: FloatArray, miss: FloatArray, fpr: float
) -> tuple[FloatArray, FloatArray]:
    """Return how many positives may lie above the true threshold, and with what probability."""
    above, probability = _negatives_above(len(miss), fpr)
    falling = np.concatenate([[np.inf], np.sort(miss)[::-1], [-np.inf]])
    counts = len(hit) - np.searchsorted(np.sort(hit), falling, side="right")
    least, most = counts[above], counts[above + 1]
    possible = (least[:, None] + (most - least)[:, None] * PLACES).ravel()
    weight = np.repeat(probability / len(PLACES), len(PLACES))
    count, place = np.unique(possible, return_inverse=True)
    return count, np.asarray(np.bincount(place, weight), dtype=np.float64)


def _negatives_above(negatives: int, fpr: float) -> tuple[IntArray, FloatArray]:
    """Return how many negatives may lie above the true threshold, and with what probability."""
    first, last = binom.ppf([NEGLIGIBLE, 1 - NEGLIGIBLE], negatives, fpr).astype(int)
    above = np.arange(first, last + 1)
    probability = binom.pmf(above, negatives, fpr)
    return above, probability / probability.sum()


def _largest_tie(miss: FloatArray, fpr: float) -> float:
    """Return the greatest chance that the true threshold lies at a value of several negatives."""
    above, probability = _negatives_above(len(miss), fpr)
    next_below = np.append(np.sort(miss)[::-1], -np.inf)[above]
    _, place, count = np.unique(next_below, return_inverse=True, return_counts=True)
    return float(np.bincount(place, probability)[count > 1].max(initial=0.0))
