"""The binomial lower bound on ε from guesses about canaries of one run.

Each of m canaries is put into the training set by its own fair coin, r guesses are made and v are
right. Under (ε, δ)-privacy that happens with a probability of at most

    P[B ≥ v] + 2mδ · max_{1≤i≤v} P[v − i ≤ B < v] / i,   B ~ binomial(r, e^ε / (1 + e^ε)),

theorem 5.2 of Steinke, Nasr, Jagielski, NeurIPS 2023. The maximum is over running means of
P[B = v − 1], P[B = v − 2], …; those probabilities rise to the mode and fall after it, so a running
mean is greatest just before the first falling term that is no larger than it. Near the bound v lies
a few standard deviations above the mode: O(√r) terms, not O(v).

Of many thresholds the best is searched in falling order of the bound without δ, which no δ > 0
exceeds: where that is no larger than the best so far, nothing is left to find. The others are
tested at the best so far, a block at once, and only those that refute it are searched. Since the
mean of all v terms is P[B < v] / v, guesses with 2mδ / v above the error prove nothing.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betaincc, gammaln, logit

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.counts import (
    check_delta,
    error_of,
    least_share,
    one_run_counts,
)

ROOT_TOLERANCE = 1e-12
"""Of ε, in the search of the bound."""
_SMALLEST = 1e-300
_BLOCK = 256


def one_run_p_value(
    canaries: ArrayLike,
    guesses: ArrayLike,
    correct: ArrayLike,
    epsilon: ArrayLike,
    delta: ArrayLike = 0.0,
) -> FloatArray:
    """Return a bound on the chance that so many guesses are right under (ε, δ)-privacy.

    The sum above, at most 1. Arguments broadcast.

    >>> float(one_run_p_value(10, 10, 10, 0.0))
    0.0009765625

    Args:
        canaries: m, each in the training set by its own fair coin.
        guesses: r ≤ m, fixed beforehand.
        correct: v ≤ r, guesses that are right.
        epsilon: ε ≥ 0.
        delta: δ in [0, 1).

    Raises:
        ImprintError: counts that cannot be, ε negative, or δ out of range.
    """
    total, budget, right = one_run_counts(canaries, guesses, correct)
    eps, gap = np.asarray(epsilon, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    if not np.all(eps >= 0):
        raise ImprintError(f"epsilon must not be negative or NaN, got {np.min(eps):g}")
    check_delta(gap)
    total, budget, right, eps, gap = np.broadcast_arrays(total, budget, right, eps, gap)
    pure = _tail(budget, right, eps)
    if not np.any(gap > 0):
        return pure
    excess = worst_excess(budget.ravel(), right.ravel(), eps.ravel()).reshape(eps.shape)
    return np.asarray(np.minimum(1.0, pure + 2 * total * gap * excess))


def one_run_epsilon(
    canaries: ArrayLike,
    guesses: ArrayLike,
    correct: ArrayLike,
    delta: float = 0.0,
    confidence: float = 0.95,
) -> FloatArray:
    """Return the lower bound on ε from one run.

    The ε where :func:`one_run_p_value` reaches 1 − ``confidence``; 0 where it is there already at
    ε = 0. Without δ it is logit of the one-sided bound of Clopper and Pearson on the share of right
    guesses; δ > 0 only takes away, and is found by a search below that. Arguments broadcast.

    >>> one_run_epsilon(1000, 1000, [1000, 600, 500]).round(3).tolist()
    [5.809, 0.297, 0.0]

    Raises:
        ImprintError: counts that cannot be, δ or the confidence out of range.
    """
    total, budget, right = np.broadcast_arrays(*one_run_counts(canaries, guesses, correct))
    check_delta(delta)
    error = error_of(confidence)
    high = _without_delta(budget, right, error)
    if delta == 0 or not high.any():
        return high
    rows = zip(total.flat, budget.flat, right.flat, high.flat, strict=True)
    bounds = [_greatest_refuted(m, r, v, delta, error, 0.0, top) for m, r, v, top in rows]
    return np.array(bounds).reshape(high.shape)


def best_one_run(
    canaries: int, guesses: IntArray, correct: IntArray, delta: float, confidence: float
) -> tuple[int, float]:
    """Return which of several counts of one run proves the greatest ε, the first of equals, and it.

    Args:
        canaries: m.
        guesses: int64 ``[b]``, r of each.
        correct: int64 ``[b]``, v of each.
        delta: δ in [0, 1).
        confidence: of each bound; the best of them does not hold at it.
    """
    high = _without_delta(guesses, correct, error_of(confidence))
    if delta == 0:
        best = int(np.argmax(high))
        return best, float(high[best])
    error, best, bound = 1 - confidence, 0, 0.0
    may_prove = 2 * canaries * delta * (1 - error) < error * correct
    falling = np.argsort(np.where(may_prove, -high, 0.0), kind="stable")
    count = np.count_nonzero(may_prove)
    # The first alone, so that the others are tested near the bound, where few terms are summed.
    for start, end in pairwise([0, *range(1, count, _BLOCK), count]):
        rows = falling[start:end]
        rows = rows[may_prove[rows] & (high[rows] > bound)]
        if not len(rows):
            break
        at = bound or float(high[falling[0]]) / 2
        chance = one_run_p_value(canaries, guesses[rows], correct[rows], at, delta)
        rows = rows[np.argsort(chance, kind="stable")]
        if bound > 0:
            rows = rows[: np.count_nonzero(chance < error)]
        while len(rows):
            row, rows = int(rows[0]), rows[1:]
            counts = canaries, int(guesses[row]), int(correct[row]), delta, error
            epsilon = _greatest_refuted(*counts, bound, float(high[row]))
            if epsilon > bound:
                best, bound = row, epsilon
                rows = rows[high[rows] > bound]
                chance = one_run_p_value(canaries, guesses[rows], correct[rows], bound, delta)
                rows = rows[chance < error]
    return best, bound


def worst_excess(guesses: IntArray, correct: IntArray, epsilon: FloatArray) -> FloatArray:
    """Return max over 1 ≤ i ≤ v of P[v − i ≤ B < v] / i; 0 where v = 0.

    Args:
        guesses: int64 ``[e]``, r.
        correct: int64 ``[e]``, v ≤ r.
        epsilon: float64 ``[e]``.

    Returns:
        float64 ``[e]``.
    """
    greatest = np.zeros(len(epsilon))
    left = np.flatnonzero(correct > 0)
    budget, eps = guesses[left, None], epsilon[left, None]
    log_mass = _log_mass(budget, correct[left, None] - 1, eps)
    total, start = np.zeros((len(left), 1)), 0
    width = 16 + 2 * math.isqrt(int(guesses.max(initial=0)))
    while len(left):
        place = np.arange(start, start + width)
        above = np.maximum(0, correct[left, None] - place)
        with np.errstate(divide="ignore"):
            # ln P[B = k − 1] − ln P[B = k], where k successes are one more than at this place.
            change = np.log(above / (budget - above + 1)) - eps
        if start == 0:
            change[:, :1] = log_mass
        else:
            change[:, :1] += log_mass
        logs = np.cumsum(change, axis=1)
        mass = np.exp(logs)
        sums = total + np.cumsum(mass, axis=1)
        means = sums / (place + 1)
        greatest[left] = np.maximum(greatest[left], means.max(axis=1))
        falling = (change <= 0) & (mass <= means)
        falling[:, 0] = False
        more = ~falling.any(axis=1) & (place[-1] + 1 < correct[left])
        left, budget, eps = left[more], budget[more], eps[more]
        log_mass, total = logs[more, -1:], sums[more, -1:]
        start, width = start + width, 2 * width
    return greatest


def _greatest_refuted(
    canaries: int,
    guesses: int,
    correct: int,
    delta: float,
    error: float,
    low: float,
    high: float,
) -> float:
    """Return the ε in [low, high] where the p-value reaches the error; ``low`` where it is above.

    Args:
        canaries: m.
        guesses: r.
        correct: v.
        delta: δ > 0.
        error: of the bound.
        low: least ε of interest.
        high: the bound without δ.
    """
    if high <= low:
        return low
    budget, right = np.array([guesses]), np.array([correct])

    def surplus(epsilon: float) -> float:
        """Return the logarithm of p-value over error."""
        eps = np.array([epsilon])
        chance = float(_tail(budget, right, eps)[0])
        chance += 2 * canaries * delta * float(worst_excess(budget, right, eps)[0])
        return math.log(max(chance, _SMALLEST) / error)

    if 2 * canaries * delta * (1 - error) >= error * correct:
        return low
    if low > 0 and surplus(low) >= 0:
        return low
    if surplus(high) <= 0:
        return high
    share = 1 / (1 + math.exp(-high))
    step, upper, lower = 1 / math.sqrt(guesses * share * (1 - share)), high, high
    while lower > low:
        lower = max(low, high - step)
        if surplus(lower) < 0:
            return float(brentq(surplus, lower, upper, xtol=ROOT_TOLERANCE, rtol=1e-14))
        upper, step = lower, 2 * step
    return low


def _without_delta(guesses: IntArray, correct: IntArray, error: float) -> FloatArray:
    share = np.maximum(0.5, least_share(correct, guesses, error))
    return np.asarray(np.maximum(0.0, logit(share)))


def _tail(guesses: IntArray, correct: IntArray, epsilon: FloatArray) -> FloatArray:
    """Return P[B ≥ v], B ~ binomial(r, e^ε / (1 + e^ε)), from 1 − q so that large ε keep digits."""
    wrong = np.exp(-epsilon) / (1 + np.exp(-epsilon))
    tail = betaincc(guesses - correct + 1, np.maximum(1, correct), wrong)
    return np.where(correct == 0, 1.0, tail)


def _log_mass(guesses: IntArray, count: IntArray, epsilon: FloatArray) -> FloatArray:
    """Return ln P[B = count]; ln(1 − q) = ln q − ε."""
    choices = gammaln(guesses + 1) - gammaln(count + 1) - gammaln(guesses - count + 1)
    return np.asarray(choices - guesses * np.log1p(np.exp(-epsilon)) - (guesses - count) * epsilon)
