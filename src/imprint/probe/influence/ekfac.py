"""Influence functions with eigenvalue-corrected Kronecker factors (EK-FAC).

Layer by layer, with A = E[aaᵀ] = U_A Λ U_Aᵀ and D = E[δδᵀ] = U_D Λ' U_Dᵀ, the curvature is taken
as diagonal in the basis U_D ⊗ U_A with the second moments that gradients have there,
λ_jk = E[(U_Dᵀδ)_j² (U_Aᵀa)_k²]. As gradients are outer products, these are one matrix product of
squares, (U_Dᵀδ)²ᵀ (U_Aᵀa)² / n, without any gradient. δ are the rows of S^½J, so expectations over
labels under the model are exact and not sampled.

George, Laurent, Bouthillier, Ballas, Vincent 2018, "Fast Approximate Natural Gradient Descent in a
Kronecker-factored Eigenbasis"; Grosse et al. 2023, "Studying Large Language Model Generalization
with Influence Functions", equation 20.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence.gradient_dot import loss_factors
from imprint.probe.influence.influence_gauss_newton import curvature_rows
from imprint.probe.influence_kit.question import Attribution, Trained, influence


@influence("ekfac")
def ekfac(trained: Trained) -> Attribution:
    """Return the influences; each layer adds its own."""
    records, queries = loss_factors(trained)
    rows = curvature_rows(trained)
    count = len(trained.labels)
    total = torch.zeros(count, len(trained.query_labels)).to(trained.inputs)
    for layer, (a, slope) in enumerate(zip(rows.inputs, rows.slopes, strict=True)):
        left, right = basis(slope), basis(a)
        moments = second_moments(a @ right, slope @ left, count)
        inverse = 1 / (moments + trained.damping)
        # M_q = inverse ∘ (Uᵀ g_q U): one matrix a query, met by the outer product of each record.
        for query in range(len(trained.query_labels)):
            outer = torch.outer(
                queries.slopes[layer][query] @ left, queries.inputs[layer][query] @ right
            )
            met = (records.slopes[layer] @ left) @ (inverse * outer)
            total[:, query] += (met * (records.inputs[layer] @ right)).sum(1)
    return Attribution(total / count)


def basis(rows: Tensor) -> Tensor:
    """Return the eigenvectors of the second moments of rows, as columns."""
    vectors: Tensor = torch.linalg.eigh((rows.T @ rows).double())[1]
    return vectors.to(rows.dtype)


def second_moments(inputs: Tensor, slopes: Tensor, count: int) -> Tensor:
    """Return the sum of squared gradients over n, ``[outputs, inputs]``, from their factors."""
    return slopes.square().T @ inputs.square() / count
