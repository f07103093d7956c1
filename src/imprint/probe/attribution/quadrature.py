"""Nodes and weights for means over [0, 1]."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def even_nodes(steps: int) -> tuple[Tensor, Tensor]:
    """Return the ends of even intervals and the weights of the trapezoid rule, float64.

    >>> [numbers.tolist() for numbers in even_nodes(2)]
    [[0.0, 0.5, 1.0], [0.25, 0.5, 0.25]]
    """
    nodes = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    weights = torch.full_like(nodes, 1 / steps)
    weights[[0, -1]] /= 2
    return nodes, weights


def gauss_legendre(count: int) -> tuple[Tensor, Tensor]:
    """Return rising nodes and weights of the Gauss–Legendre rule on [0, 1], float64 ``[count]``."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return torch.from_numpy((1 + nodes) / 2), torch.from_numpy(weights / 2)
