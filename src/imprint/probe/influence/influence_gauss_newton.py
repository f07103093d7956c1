"""Influence functions with the exact Gauss–Newton matrix, for networks of any width.

G = BᵀB/n with B the n·c rows S_i^½ J_i. By Woodbury's identity

    g_iᵀ (G + λI)⁻¹ g_q = (⟨g_i, g_q⟩ − (B g_i)ᵀ (BBᵀ + nλI)⁻¹ (B g_q)) / λ,

and all of these are inner products of gradients, of linear layers without one being written
(:mod:`imprint.probe.influence_kit.layer_gradients`): the p × p matrix is replaced by one of n·c,
and nothing is approximated. Time (n·c)³/3, memory (n·c)² and that of the rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.probe.influence_kit.curvature_rows import MOST_EXACT_OUTPUTS, along
from imprint.probe.influence_kit.layer_gradients import (
    Gradients,
    Outer,
    gradient_dots,
    joined,
)
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.record_gradients import RecordGradients, pair_products

MEMORY = 2**31
"""Bytes that rows and their inner products may take."""


@influence("influence_gauss_newton")
def influence_gauss_newton(trained: Trained) -> Attribution:
    """Return the influences from a Cholesky factor of BBᵀ + nλI, in float64."""
    source = RecordGradients(trained)
    rows, count = curvature_rows(trained, source), len(trained.labels)
    gram = gradient_dots(rows, rows).double()
    gram.diagonal().add_(count * trained.damping)
    factor = torch.linalg.cholesky(gram)

    def solved(inputs: Tensor, labels: Tensor) -> Tensor:
        parts = [gradient_dots(rows, each) for _, each in source.batches(inputs, labels)]
        if not parts:
            return gram.new_zeros(len(gram), 0)
        both = torch.cat(parts, 1).double()
        solution: Tensor = torch.linalg.solve_triangular(factor, both, upper=False)
        return solution

    from_records = solved(trained.inputs, trained.labels)
    from_queries = solved(trained.queries, trained.query_labels)
    dots, own = (each.double() for each in pair_products(trained, source))
    scale = trained.damping * count
    own -= from_records[:, trained.own].square().sum(0)
    return Attribution((dots - from_records.T @ from_queries) / scale, own / scale)


def curvature_rows(trained: Trained, source: RecordGradients) -> Gradients:
    """Return the rows of B, n for each column of S^½.

    Raises:
        ImprintError: too many for the memory.
    """
    with torch.no_grad():
        outputs = trained.network(trained.inputs[:1]).shape[1]
    count = len(trained.labels) * outputs
    linear = not source.rest and all(
        isinstance(layer, Outer) for layer in source.losses(trained.inputs[:1], trained.labels[:1])
    )
    needed = 8 * count**2 + (0 if linear else 4 * count * source.parameters)
    if outputs > MOST_EXACT_OUTPUTS or needed > MEMORY:
        raise ImprintError(
            f"influence_gauss_newton needs {needed / 1e9:,.1f} GB for {count:,} rows of curvature: "
            "choose ekfac, or fewer records"
        )
    parts = []
    for column in range(outputs):
        for start in range(0, len(trained.labels), source.batch()):
            inputs = trained.inputs[start : start + source.batch()]
            with torch.no_grad():
                root = trained.curvature_root(trained.network(inputs))
            parts.append(source.of(inputs, along, root[:, :, column]))
    return joined(parts)
