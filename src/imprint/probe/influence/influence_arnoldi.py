"""Influence functions in the leading eigenspace that Arnoldi's iteration finds.

A Krylov space of the curvature from a random vector, orthogonalised in full; the curvature in it is
a small matrix, whose leading eigenvectors V and eigenvalues Λ give g_iᵀ V (Λ + λ)⁻¹ Vᵀ g_q / n.
What lies outside the space counts nothing. Schioppa, Zablotskaia, Vilar, Sokolov 2022, "Scaling Up
Influence Functions". One space serves all queries: it takes K products and K · p numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import Attribution, Trained, influence

SPACE = 100
KEPT = 50


@influence("influence_arnoldi")
def influence_arnoldi(trained: Trained) -> Attribution:
    """Return the influences in the space of the ``KEPT`` leading eigenvalues."""
    return in_eigenspace(trained, SPACE, KEPT)


def in_eigenspace(trained: Trained, space: int, kept: int) -> Attribution:
    """Return the influences in the leading ``kept`` of ``space`` directions."""
    flat = FlatParameters(trained)
    values, vectors = leading(flat, space, kept, trained.seed)
    records = flat.along(vectors)
    gradients = flat.gradients(trained.queries, trained.query_labels)
    queries = gradients @ vectors.T
    inside = queries.square().sum(1) / gradients.square().sum(1).clamp(
        min=torch.finfo(gradients.dtype).tiny
    )
    scaled = records / (values + trained.damping) / len(trained.labels)
    facts = {"kept": len(values), "share_of_gradients": float(inside.mean())}
    own = (scaled * records).sum(1)[trained.own]
    return Attribution(scaled @ queries.T, own, facts=facts)


def leading(flat: FlatParameters, space: int, kept: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return the leading eigenvalues ``[k]``, falling, and eigenvectors ``[k, p]``."""
    random = torch.Generator().manual_seed(seed)
    vector = torch.randn(len(flat.theta), generator=random).to(flat.theta)
    basis = vector.new_zeros(min(space, len(vector)), len(vector))
    images = torch.zeros_like(basis)
    product, size = flat.product(), 0
    largest = 0.0
    for row in range(len(basis)):
        # Twice is enough for orthogonality to rounding (Kahan, Parlett).
        for _ in range(2):
            vector = vector - basis[:row].T @ (basis[:row] @ vector)
        length = float(vector.norm())
        if row and length <= 1e3 * torch.finfo(vector.dtype).eps * max(largest, 1e-30):
            break
        basis[row] = vector / length
        images[row] = vector = product(basis[row][None])[0]
        largest, size = max(largest, float(vector.norm())), row + 1
    small = (basis[:size] @ images[:size].T).double()
    values, turn = torch.linalg.eigh(0.5 * (small + small.T))
    chosen = torch.argsort(values, descending=True)[:kept]
    return values[chosen].to(vector), turn[:, chosen].T.to(vector) @ basis[:size]
