"""Influence functions with the exact Hessian: g_iᵀ (H + λI)⁻¹ g_q / n.

Koh and Liang 2017, "Understanding Black-box Predictions via Influence Functions", equation 2. All
of H is formed, p² numbers, so networks must be small. H of a network that is no minimum has
negative eigenvalues; an inverse near them says nothing, and the facts name the smallest.
"""

from __future__ import annotations

import torch

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import Attribution, Trained, influence

MOST = 4000


@influence("influence_exact", most_parameters=MOST)
def influence_exact(trained: Trained) -> Attribution:
    """Return the influences from an eigendecomposition of H."""
    flat = FlatParameters(trained)
    count = len(flat.theta)
    identity = torch.eye(count).to(flat.theta)
    hessian = flat.product("hessian")(identity).double()
    values, vectors = torch.linalg.eigh(0.5 * (hessian + hessian.T))
    records = flat.gradients(trained.inputs, trained.labels).double() @ vectors
    queries = flat.gradients(trained.queries, trained.query_labels).double() @ vectors
    scaled = records / (values + trained.damping) / len(trained.labels)
    facts: dict[str, object] = {"smallest_eigenvalue": float(values[0])}
    if float(values[0]) <= -trained.damping:
        facts["unconverged"] = (
            f"the Hessian has an eigenvalue of {float(values[0]):.3g}, which a damping of "
            f"{trained.damping:g} does not make positive"
        )
    own = (scaled * records).sum(1)[trained.own]
    return Attribution(scaled @ queries.T, own, facts=facts)
