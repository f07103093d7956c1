"""Influence functions with the exact Gauss–Newton matrix, for networks of any width.

G = BᵀB/n with B the n·c rows S_i^½ J_i. By Woodbury's identity

    g_iᵀ (G + λI)⁻¹ g_q = (⟨g_i, g_q⟩ − (B g_i)ᵀ (BBᵀ + nλI)⁻¹ (B g_q)) / λ,

and all of these are inner products of outer products
(:mod:`imprint.probe.influence_kit.rank_one`): the p × p matrix is replaced by one of n·c, and
nothing is approximated. Time (n·c)³/3, memory (n·c)².
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence.gradient_dot import loss_factors
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.rank_one import Factors, factors, gradient_dots, joined


@influence("influence_gauss_newton")
def influence_gauss_newton(trained: Trained) -> Attribution:
    """Return the influences from a Cholesky factor of BBᵀ + nλI, in float64."""
    records, queries = loss_factors(trained)
    rows = curvature_rows(trained)
    count = len(trained.labels)
    gram = gradient_dots(rows, rows).double()
    gram.diagonal().add_(count * trained.damping)
    factor = torch.linalg.cholesky(gram)
    from_records, from_queries = (
        torch.linalg.solve_triangular(factor, gradient_dots(rows, side).double(), upper=False)
        for side in (records, queries)
    )
    dots = gradient_dots(records, queries).double()
    return Attribution((dots - from_records.T @ from_queries) / (trained.damping * count))


def curvature_rows(trained: Trained) -> Factors:
    """Return the rows of B, n for each column of S^½."""
    with torch.no_grad():
        root = trained.curvature_root(trained.network(trained.inputs))

    def row(column: int) -> Factors:
        def of(logits: Tensor) -> Tensor:
            return (logits * root[:, :, column]).sum(1)

        return factors(trained.network, trained.inputs, of)

    return joined([row(column) for column in range(root.shape[2])])
