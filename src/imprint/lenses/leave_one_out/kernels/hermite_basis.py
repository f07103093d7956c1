"""Expectations of one normal number by quadrature, and against Hermite polynomials.

The nodes are those of Gauss–Legendre rules on panels that narrow towards 0, where functions of
√p z have their kinks and, for large p, their steps; none lies across 0. The polynomials are the
orthonormal ones, h₀ = 1, h₁ = z, √(n+1) h_{n+1} = z h_n − √n h_{n−1}.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

BASES = (256, 1024)
"""Polynomials of the usual basis, and of that for functions that the usual one cannot follow."""

# Beyond, the normal density is below 1e-34. A panel holds at most 2.5 oscillations of h₁₀₂₄.
REACH = 12.5
STEP = 0.5
# Panels from 0 to the first step halve so many times: steps of functions as narrow as 1e-4.
HALVINGS = 12
ORDER = 24


@dataclass(frozen=True, eq=False)
class NormalRule:
    """A quadrature rule for a standard normal number.

    Attributes:
        nodes: float64 ``[m]``.
        weights: float64 ``[m]``, of sum 1.
        projection: float64 ``[m, size]``, weights times polynomials: values of a function times
            this are its coefficients.
    """

    nodes: Tensor
    weights: Tensor
    projection: Tensor


@lru_cache(maxsize=4)
def normal_rule(size: int, split: int = 1) -> NormalRule:
    """Return the rule; with each panel in ``split`` parts, one of other nodes to check it by."""
    steps = np.arange(STEP, REACH + STEP / 2, STEP)
    halves = STEP * 2.0 ** -np.arange(HALVINGS, 0, -1)
    edges = np.concatenate([[0.0], halves, steps])
    edges = np.interp(np.arange((len(edges) - 1) * split + 1) / split, np.arange(len(edges)), edges)
    points, shares = np.polynomial.legendre.leggauss(ORDER)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    positive = (middle[:, None] + half[:, None] * points).ravel()
    weights = (half[:, None] * shares).ravel() * np.exp(-(positive**2) / 2) / np.sqrt(2 * np.pi)
    weights /= 2 * weights.sum()
    nodes = torch.from_numpy(np.concatenate([-positive[::-1], positive]))
    weight = torch.from_numpy(np.concatenate([weights[::-1], weights]))
    return NormalRule(nodes, weight, weight[:, None] * hermite(nodes, size))


def hermite(values: Tensor, size: int) -> Tensor:
    """Return the first polynomials at numbers ``[m]``, float64 ``[m, size]``."""
    columns = [torch.ones_like(values), values]
    for n in range(1, size - 1):
        columns.append((values * columns[n] - n**0.5 * columns[n - 1]) / (n + 1) ** 0.5)
    return torch.stack(columns, dim=1)
