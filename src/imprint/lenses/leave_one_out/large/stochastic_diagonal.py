"""The diagonal of an inverse from random signs, with the error of every entry.

For z of independent signs, E[z ∘ Bz] = diag B (Bekas, Kokiopoulou, Saad 2007, "An estimator for the
diagonal of a matrix"). With B = R − R̂ for an approximate inverse R̂ only the difference is
estimated, so the better R̂, the smaller the error: its variance for record s and k probes is
Σ_{j≠s} B_sj² / k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.seeds import generator


@dataclass(frozen=True, eq=False)
class Correction:
    """What to add to diag R̂.

    Attributes:
        values: float64 ``[n]``, of which the expectation is diag(R − R̂).
        standard_error: float64 ``[n]``.
    """

    values: Tensor
    standard_error: Tensor


def random_signs(size: int, probes: int, seed: int) -> Tensor:
    """Return probes in columns, float64 ``[n, k]``."""
    drawn = generator(seed, "stochastic diagonal").integers(0, 2, (size, probes))
    return torch.from_numpy(2.0 * drawn - 1)


def correction(signs: Tensor, exact: Tensor, approximate: Tensor) -> Correction:
    """Return the estimate from probes z.

    Args:
        signs: z, ``[n, k]``, k at least 2.
        exact: Rz, ``[n, k]``.
        approximate: R̂z, ``[n, k]``.
    """
    draws = signs * (exact - approximate)
    return Correction(draws.mean(1), draws.std(1) / math.sqrt(signs.shape[1]))
