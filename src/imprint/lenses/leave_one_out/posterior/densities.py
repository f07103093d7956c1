"""How well the fitted model predicts: of each record without it, and of all targets at once.

Without record s its target is normal with mean μ_out(s) and variance v_s + σ², so that

    log p(y_s | all others) = −½ Σ_j [ (y_sj − μ_out,j)² / (v_s + σ²) + log 2π(v_s + σ²) ],

the leave-one-out log predictive density; the evidence is that of all targets under the prior,

    log p(Y) = −½ [ tr YᵀA⁻¹Y + c log |A| + nc log 2π ]

(Rasmussen, Williams, "Gaussian processes for machine learning", 2006, sections 5.4.1 and 5.4.2).
Exact copies of a record are left out with it. Both are sums over outputs, in nats.
"""

from __future__ import annotations

import math

from torch import Tensor


def log_predictive_density(residual: Tensor, variance: Tensor, noise: float) -> Tensor:
    """Return the log density of each record's target in the model without it, ``[n]``, in nats.

    >>> import torch
    >>> zero, one = torch.zeros(1, 2).double(), torch.ones(1).double()
    >>> round(float(log_predictive_density(zero, one, 1.0)), 4)  # −log 2π·2
    -2.531

    Args:
        residual: y − μ_out, float64 ``[n, c]``.
        variance: v, of f(s) without the record, ``[n]``.
        noise: σ².
    """
    total = variance + noise
    fit_term = residual.square().sum(1) / total
    return -0.5 * (fit_term + residual.shape[1] * (math.log(2 * math.pi) + total.log()))


def log_evidence(targets: Tensor, weights: Tensor, log_determinant: float) -> float:
    """Return log p(Y), in nats.

    Args:
        targets: Y, float64 ``[n, c]``.
        weights: α = A⁻¹Y, ``[n, c]``.
        log_determinant: log |A|.
    """
    fit_term = float((targets * weights).sum())
    count, outputs = targets.shape
    spread = outputs * (log_determinant + count * math.log(2 * math.pi))
    return -0.5 * (fit_term + spread)
