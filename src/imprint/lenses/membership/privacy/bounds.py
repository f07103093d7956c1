"""Lower bounds on ε and μ from how often an attack is right.

A training procedure that is (ε, δ)-private limits how well any attack infers who was in the set;
so an attack that does better proves, at a stated confidence, that ε is larger. Counts in, bounds
out; where counts come from, and how a threshold may be chosen without spoiling the confidence, is
``audit.py``.

Many runs: n independent trainings with a record and n without, one call on each. One run: m
canaries, each put into the set by its own fair coin, all scored on one model, with r guesses
fixed beforehand.

Sources: [CP] Clopper, Pearson, Biometrika 1934. [JUO] Jagielski, Ullman, Oprea, NeurIPS 2020.
[N+] Nasr, Hayes, Steinke, Balle, Tramèr, Jagielski, Carlini, Terzis, USENIX Security 2023.
[SNJ] Steinke, Nasr, Jagielski, NeurIPS 2023. [MMC] Mahloujifar, Melis, Chaudhuri, ICML 2025.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.privacy.counts import (
    check_counts,
    check_delta,
    error_of,
    least_share,
    one_run_counts,
)

_BISECTIONS = 60
_GRID_POINTS = 33
_GRID_PASSES = 7
_MAX_PARAMETER = 64.0


def multi_run_rates(
    true_positives: ArrayLike,
    positives: ArrayLike,
    false_positives: ArrayLike,
    negatives: ArrayLike,
    confidence: float = 0.95,
) -> tuple[FloatArray, FloatArray]:
    """Return a lower bound on TPR and an upper bound on FPR that hold together.

    One-sided exact bounds [CP], each at half of the error, whatever the true rates.

    Args:
        true_positives: runs with the record that were called so.
        positives: runs with the record.
        false_positives: runs without the record that were called so.
        negatives: runs without the record.
        confidence: of both together, in (0, 1).

    Raises:
        ImprintError: counts that cannot be, or a confidence out of range.
    """
    hit, runs_in = check_counts(true_positives, positives, "true positives", "runs with the record")
    miss, runs_out = check_counts(
        false_positives, negatives, "false positives", "runs without the record"
    )
    tail = error_of(confidence) / 2
    return least_share(hit, runs_in, tail), 1 - least_share(runs_out - miss, runs_out, tail)


def multi_run_epsilon(
    true_positives: ArrayLike,
    positives: ArrayLike,
    false_positives: ArrayLike,
    negatives: ArrayLike,
    delta: float = 0.0,
    confidence: float = 0.95,
) -> FloatArray:
    """Return the lower bound on ε from independent runs with and without a record.

    max(ln((TPR − δ) / FPR), ln((1 − δ − FPR) / FNR), 0) at the worst rates of
    :func:`multi_run_rates`; [JUO] with δ. Arguments broadcast.

    >>> float(multi_run_epsilon(1000, 1000, 0, 1000).round(3))
    5.601

    Raises:
        ImprintError: as :func:`multi_run_rates`, or δ outside [0, 1).
    """
    check_delta(delta)
    tpr, fpr = multi_run_rates(true_positives, positives, false_positives, negatives, confidence)
    with np.errstate(divide="ignore"):
        called = np.log(np.maximum(0.0, tpr - delta)) - np.log(fpr)
        passed = np.log(np.maximum(0.0, 1 - delta - fpr)) - np.log1p(-tpr)
    return np.asarray(np.maximum(0.0, np.maximum(called, passed)))


def multi_run_mu(
    true_positives: ArrayLike,
    positives: ArrayLike,
    false_positives: ArrayLike,
    negatives: ArrayLike,
    confidence: float = 0.95,
) -> FloatArray:
    """Return the lower bound on μ of Gaussian privacy from independent runs.

    Φ⁻¹(TPR) − Φ⁻¹(FPR) at the worst rates of :func:`multi_run_rates`, at least 0; [N+]. It
    refutes every smaller μ. It bounds ε(δ) (``theory.gaussian_epsilon``) of
    procedures that are μ-Gaussian private for some μ, such as one Gaussian release.

    Raises:
        ImprintError: as :func:`multi_run_rates`.
    """
    tpr, fpr = multi_run_rates(true_positives, positives, false_positives, negatives, confidence)
    return np.asarray(np.maximum(0.0, ndtri(tpr) - ndtri(fpr)))


def one_run_mu(canaries: int, guesses: int, correct: int, confidence: float = 0.95) -> float:
    """Return the lower bound on μ of Gaussian privacy from one run.

    The greatest μ that :func:`refutes` excludes, by the curve Φ(Φ⁻¹(x) + μ). As with
    :func:`multi_run_mu`, it speaks of ε(δ) only for procedures that are Gaussian private.

    Raises:
        ImprintError: counts that cannot be, or a confidence out of range.
    """

    def inverse(shares: FloatArray, mu: FloatArray) -> FloatArray:
        return np.asarray(ndtr(ndtri(shares) - mu))

    return _greatest_refuted(inverse, canaries, guesses, correct, confidence)


def one_run_tradeoff_epsilon(
    canaries: int, guesses: int, correct: int, delta: float = 0.0, confidence: float = 0.95
) -> float:
    """Return the lower bound on ε from one run by the trade-off curve of (ε, δ)-privacy.

    It assumes no more than :func:`one_run_epsilon`. Neither is the better one everywhere: without
    δ this one is at most as large, with δ it loses less. Choose before looking.

    Raises:
        ImprintError: counts that cannot be, δ or the confidence out of range.
    """
    check_delta(delta)

    def inverse(shares: FloatArray, epsilon: FloatArray) -> FloatArray:
        near = np.exp(-epsilon) * (shares - delta)
        with np.errstate(over="ignore", invalid="ignore"):
            far = 1 - delta - np.exp(epsilon) * (1 - shares)
        return np.maximum(0.0, np.maximum(near, far))

    return _greatest_refuted(inverse, canaries, guesses, correct, confidence)


def refutes(
    inverse: Callable[[FloatArray, FloatArray], FloatArray],
    parameters: FloatArray,
    canaries: int,
    guesses: int,
    correct: int,
    confidence: float,
) -> NDArray[np.bool_]:
    """Return which curves of a family cannot give so many right guesses that often.

    Let g(x) be the greatest TPR at FPR x. With p_i the chance of i right guesses, r_c = Σ_{i≥c}
    i p_i / m and h_c = Σ_{i≥c} (r − i) p_i / m, privacy gives r_c ≤ g(h_{c−1}) for every c: flip
    one canary, apply g to "this guess is right, and at least c are", average over canaries, and
    use that g is concave. If v or more are right with chance τ, then r_v + h_v = τ r / m, and
    the cheapest way on downwards is all of it at v, then as little as the inequalities allow:
    h_{i} = max(h_{i+1}, g⁻¹(r_{i+1})), r_i = r_{i+1} + i / (r − i) · (h_i − h_{i+1}). Where this
    takes more than there is, r_0 + h_0 > r / m, a chance of τ cannot be; [MMC] algorithm 3.

    Args:
        inverse: (shares ``[p]``, parameters ``[p]``) → g⁻¹, float64 ``[p]`` in [0, 1].
        parameters: float64 ``[p]``, of the curves.
        canaries: m.
        guesses: r ≤ m, fixed beforehand.
        correct: v ≤ r.
        confidence: 1 − τ.

    Returns:
        bool ``[p]``. O(v) steps.
    """
    level = 1 - confidence
    right = np.full(parameters.shape, level * correct / canaries)
    wrong = np.full(parameters.shape, level * (guesses - correct) / canaries)
    for count in range(correct - 1, -1, -1):
        needed = np.maximum(wrong, inverse(np.minimum(1.0, right), parameters))
        if np.array_equal(needed, wrong):
            break
        right += count / (guesses - count) * (needed - wrong)
        wrong = needed
    return np.asarray(right + wrong > guesses / canaries)


def _greatest_refuted(
    inverse: Callable[[FloatArray, FloatArray], FloatArray],
    canaries: int,
    guesses: int,
    correct: int,
    confidence: float,
) -> float:
    """Return the greatest parameter that is refuted, all smaller ones being so; 0 if none is."""
    total, budget, right = (int(n) for n in one_run_counts(canaries, guesses, correct))
    error_of(confidence)
    low, high = 0.0, _MAX_PARAMETER
    for _ in range(_GRID_PASSES):
        grid = np.linspace(low, high, _GRID_POINTS)
        refuted = refutes(inverse, grid, total, budget, right, confidence)
        # The first point is known to be refuted, but for 0 itself in the first pass.
        last = int(np.argmin(refuted)) - 1 if not refuted.all() else _GRID_POINTS - 1
        if last < 0:
            return 0.0
        if last == _GRID_POINTS - 1:
            return high
        low, high = float(grid[last]), float(grid[last + 1])
    return low
