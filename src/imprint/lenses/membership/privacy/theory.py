"""What privacy and set size allow an attack, as curves to lay beside measured ones.

Two kinds of statements, never to be mixed. Consequences of the definition of differential privacy
are exact and hold for every attack: :func:`greatest_tpr`, :func:`greatest_auc`,
:func:`total_variation`, :func:`kl_pure`, :func:`gaussian_delta`. Bounds from papers on loss and
curvature hold under their assumptions and up to their constants, which are unknown for a real
network: draw their shape, not their height. A looser upper bound is no proof of a stronger attack.

ε and δ are those of (ε, δ)-differential privacy, L bounds the loss, m is the size of the training
set, divergences are in nats. All functions broadcast.

Sources: [BH] Bretagnolle, Huber 1979. [BW] Balle, Wang, ICML 2018. [DRS] Dong, Roth, Su, JRSS-B
2022. [KOV] Kairouz, Oh, Viswanath, ICML 2015. [RSR-M] Ravikumar, Soufleri, Hashemi, Roy,
"Unveiling privacy, memorization, and input curvature links", ICML 2024. [RSR-C] Ravikumar,
Soufleri, Roy, "Curvature clues", NeurIPS 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, ndtri

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers

_BISECTIONS = 60


def greatest_tpr(fpr: ArrayLike, epsilon: ArrayLike, delta: ArrayLike = 0.0) -> FloatArray:
    """Return the greatest true positive rate of any attack at a false positive rate.

    TPR ≤ min(1, e^ε FPR + δ, 1 − e^−ε (1 − δ − FPR)), [KOV].

    Args:
        fpr: false positive rates in [0, 1].
        epsilon: ε ≥ 0, infinite allowed.
        delta: δ in [0, 1].

    Raises:
        ImprintError: an argument out of range.
    """
    rate, eps, gap = _share(fpr, "fpr"), _budget(epsilon), _share(delta, "delta")
    with np.errstate(over="ignore", invalid="ignore"):
        # At FPR = 0 a term e^∞ · 0 counts as 0: only δ is free.
        near = np.where(rate == 0, 0.0, np.exp(eps) * rate) + gap
    far = 1 - np.exp(-eps) * np.maximum(0.0, 1 - gap - rate)
    return np.asarray(np.minimum(1.0, np.minimum(near, far)))


def greatest_auc(epsilon: ArrayLike, delta: ArrayLike = 0.0) -> FloatArray:
    """Return the greatest area under the ROC curve of any attack, in [½, 1].

    The area under :func:`greatest_tpr`, whose corner lies at FPR = (1 − δ) / (1 + e^ε):
    1 − (1 − δ)² / (1 + e^ε).

    Raises:
        ImprintError: an argument out of range.

    Examples:
        >>> greatest_auc([0.0, 1.0]).round(4).tolist()
        [0.5, 0.7311]
    """
    eps, gap = _budget(epsilon), _share(delta, "delta")
    return np.asarray(1 - (1 - gap) ** 2 * _misses(eps))


def total_variation(epsilon: ArrayLike, delta: ArrayLike = 0.0) -> FloatArray:
    """Return the greatest total variation distance, which is the greatest TPR − FPR, in [0, 1].

    (e^ε − 1 + 2δ) / (e^ε + 1) = tanh(ε/2) + 2δ / (e^ε + 1), [KOV].

    Raises:
        ImprintError: an argument out of range.
    """
    eps, gap = _budget(epsilon), _share(delta, "delta")
    return np.asarray(np.tanh(eps / 2) + 2 * gap * _misses(eps))


def kl_pure(epsilon: ArrayLike) -> FloatArray:
    """Return the greatest Kullback–Leibler divergence under (ε, 0)-privacy: ε tanh(ε/2).

    Every such pair of distributions is randomised response processed further ([KOV]), and this is
    its divergence; it is at most :func:`kl_probability`.

    Raises:
        ImprintError: ε is negative.
    """
    eps = _budget(epsilon)
    return np.asarray(eps * np.tanh(eps / 2))


def kl_probability(epsilon: ArrayLike) -> FloatArray:
    """Return the bound on the divergence of probability scores, train to test: KL ≤ ε.

    [RSR-C] theorem 4.1, for an ε-private trainer.

    Raises:
        ImprintError: ε is negative.
    """
    return _budget(epsilon).copy()


def stability(epsilon: ArrayLike, loss_bound: ArrayLike = 1.0) -> FloatArray:
    """Return how far the loss on a record can move when it leaves the set: L (1 − e^−ε).

    [RSR-M], the stability lemma: ε-privacy gives uniform stability for a loss in [0, L].

    Raises:
        ImprintError: an argument is negative.
    """
    return np.asarray(_positive(loss_bound, "loss_bound") * -np.expm1(-_budget(epsilon)))


def mean_curvature(
    epsilon: ArrayLike, set_size: ArrayLike, loss_bound: ArrayLike = 1.0, constant: ArrayLike = 0.0
) -> FloatArray:
    """Return the bound on the mean input-loss curvature: L (m + 1) (1 − e^−ε) + c.

    [RSR-M], privacy and curvature; c bundles the gaps of generalisation and of the model's bias.

    Raises:
        ImprintError: an argument is negative.
    """
    size = _positive(set_size, "set_size")
    return np.asarray((size + 1) * stability(epsilon, loss_bound) + _real(constant))


def kl_curvature(
    epsilon: ArrayLike,
    set_size: ArrayLike,
    deviation: ArrayLike,
    loss_bound: ArrayLike = 1.0,
    constant: ArrayLike = 0.0,
) -> FloatArray:
    """Return the bound on the divergence of curvature scores, train to test.

    [L m (1 − e^−ε) + L + c]² / (2σ²): the divergence Δμ² / (2σ²) of two normal laws of equal
    deviation σ, with the bound on the difference of their means; [RSR-C], theorem on curvature
    scores, whose additive constants are all in c. A fit identifies L m and L + c alone.

    Args:
        epsilon: ε ≥ 0.
        set_size: m, size of the training set.
        deviation: σ > 0, of the curvature of one record over models.
        loss_bound: L.
        constant: c.

    Raises:
        ImprintError: an argument is negative, or σ is not positive.
    """
    sigma = _deviation(deviation)
    size = _positive(set_size, "set_size")
    shift = size * stability(epsilon, loss_bound) + _real(loss_bound) + _real(constant)
    return np.asarray(shift**2 / (2 * sigma**2))


def crossing_size(
    epsilon: ArrayLike,
    deviation: ArrayLike,
    loss_bound: ArrayLike = 1.0,
    constant: ArrayLike = 0.0,
) -> FloatArray:
    """Return the set size from which the curvature bound exceeds the probability bound.

    m > (σ √(2ε) − L − c) / (L (1 − e^−ε)): :func:`kl_curvature` set equal to
    :func:`kl_probability`; 0 where it exceeds it at any size. The size from which "curvature
    wins" by its bound, a motivation and no prediction.

    Raises:
        ImprintError: an argument is negative, or σ, L or ε is not positive.
    """
    eps, sigma = _budget(epsilon), _deviation(deviation)
    step = stability(eps, loss_bound)
    if np.any(step == 0):
        raise ImprintError("without ε > 0 and L > 0 the bounds never cross: leave such points out")
    size = (sigma * np.sqrt(2 * eps) - _real(loss_bound) - _real(constant)) / step
    return np.asarray(np.maximum(0.0, size))


def total_variation_from_kl(divergence: ArrayLike) -> FloatArray:
    """Return the greatest total variation distance at a Kullback–Leibler divergence, in [0, 1].

    The lesser of √(KL/2) (Pinsker) and √(1 − e^−KL) ([BH]); the second is below 1 and the lesser
    from KL ≈ 1.59 on.

    Raises:
        ImprintError: the divergence is negative.
    """
    nats = _positive(divergence, "divergence")
    return np.asarray(np.minimum(np.sqrt(nats / 2), np.sqrt(-np.expm1(-nats))))


def gaussian_tpr(fpr: ArrayLike, mu: ArrayLike) -> FloatArray:
    """Return the greatest true positive rate under μ-Gaussian privacy: Φ(Φ⁻¹(FPR) + μ).

    [DRS] section 2.2.

    Raises:
        ImprintError: an argument out of range.
    """
    return np.asarray(ndtr(ndtri(_share(fpr, "fpr")) + _positive(mu, "mu")))


def gaussian_delta(epsilon: ArrayLike, mu: ArrayLike) -> FloatArray:
    """Return δ(ε) of μ-Gaussian privacy: Φ(−ε/μ + μ/2) − e^ε Φ(−ε/μ − μ/2).

    [BW] theorem 8, [DRS] corollary 2.13. Subtracted by logarithms, so that a small δ keeps its
    digits.

    Raises:
        ImprintError: an argument is negative.

    Examples:
        >>> float(gaussian_delta(0.0, 1.0).round(4))
        0.3829
    """
    eps, shift = np.broadcast_arrays(_budget(epsilon), _positive(mu, "mu"))
    safe = np.where(shift > 0, shift, 1.0)
    first = log_ndtr(-eps / safe + safe / 2)
    second = eps + log_ndtr(-eps / safe - safe / 2)
    delta = np.exp(first) * -np.expm1(np.minimum(0.0, second - first))
    return np.where(shift > 0, delta, 0.0)


def gaussian_epsilon(delta: ArrayLike, mu: ArrayLike) -> FloatArray:
    """Return the least ε with δ(ε) ≤ δ under μ-Gaussian privacy, the inverse of the above.

    By bisection to the last bits. Infinite for δ = 0 < μ.

    Raises:
        ImprintError: an argument out of range.
    """
    gap, shift = np.broadcast_arrays(_share(delta, "delta"), _positive(mu, "mu"))
    # δ(ε) ≤ Φ(−ε/μ + μ/2), so this ε is enough.
    with np.errstate(invalid="ignore"):
        high = np.maximum(0.0, shift * (shift / 2 - ndtri(gap)))
    high = np.where(shift > 0, high, 0.0)
    unbounded = np.isinf(high)
    high = np.where(unbounded | (gaussian_delta(0.0, shift) <= gap), 0.0, high)
    low = np.zeros_like(high)
    for _ in range(_BISECTIONS if high.any() else 0):
        middle = (low + high) / 2
        enough = gaussian_delta(middle, shift) <= gap
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(unbounded, np.inf, high)


def _misses(epsilon: FloatArray) -> FloatArray:
    """Return 1 / (1 + e^ε) without overflow."""
    return np.asarray(np.exp(-epsilon) / (1 + np.exp(-epsilon)))


def _real(values: ArrayLike) -> FloatArray:
    return as_numbers(values, "loss_bound and constant")


def _budget(values: ArrayLike) -> FloatArray:
    return _positive(values, "epsilon")


def _positive(values: ArrayLike, name: str) -> FloatArray:
    array = as_numbers(values, name)
    if not np.all(array >= 0):
        raise ImprintError(f"{name} must not be negative or NaN, got {np.min(array):g}")
    return array


def _deviation(values: ArrayLike) -> FloatArray:
    array = _positive(values, "deviation")
    if not np.all(array > 0):
        raise ImprintError("deviation must be positive: scores that never vary have no such bound")
    return array


def _share(values: ArrayLike, name: str) -> FloatArray:
    array = as_numbers(values, name)
    if not np.all((array >= 0) & (array <= 1)):
        raise ImprintError(f"{name} must lie in [0, 1]")
    return array
