"""Influence functions by conjugate gradients: (G + λI) x = g_q for each query, then g_iᵀx / n.

Martens 2010, "Deep learning via Hessian-free optimization", on the Gauss–Newton matrix, which is
positive semidefinite as the method needs. Needs products with vectors alone; p numbers a query.
Stops at a relative residual of 10⁻⁴ and tells the largest that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import Attribution, Trained, influence

TOLERANCE = 1e-4
STEPS = 200


@influence("influence_cg")
def influence_cg(trained: Trained) -> Attribution:
    """Return the influences."""
    flat = FlatParameters(trained)
    gradients = asked_gradients(flat, trained)
    solution, residual, steps = solve(flat.product(), gradients, trained.damping, TOLERANCE, STEPS)
    facts: dict[str, object] = {"residual": residual, "steps": steps}
    if residual > 10 * TOLERANCE:
        facts["unconverged"] = f"a relative residual of {residual:.2g} is left after {steps} steps"
    return from_solutions(flat, trained, solution, facts)


def asked_gradients(flat: FlatParameters, trained: Trained) -> Tensor:
    """Return the loss gradients of the asked records, then of the queries, ``[r + q, p]``."""
    own = trained.own
    inputs = torch.cat([trained.inputs[own], trained.queries])
    return flat.gradients(inputs, torch.cat([trained.labels[own], trained.query_labels]))


def from_solutions(
    flat: FlatParameters, trained: Trained, solutions: Tensor, facts: Mapping[str, Any]
) -> Attribution:
    """Return the influences from (C + λI)⁻¹g of the asked records and the queries."""
    count = len(trained.own)
    products = flat.along(solutions) / len(trained.labels)
    own = products[trained.own, torch.arange(count, device=products.device)]
    return Attribution(products[:, count:], own, facts=facts)


def solve(
    product: Callable[[Tensor], Tensor],
    right: Tensor,
    damping: float,
    tolerance: float,
    most_steps: int,
) -> tuple[Tensor, float, int]:
    """Return x with (C + λI) x = b for each row b, the largest relative residual, and the steps.

    Args:
        product: rows ``[k, p]`` to their products with C, positive semidefinite.
        right: ``[k, p]``.
        damping: λ > 0.
        tolerance: relative residual to stop at.
        most_steps: to stop after.
    """
    solution, left = torch.zeros_like(right), right.clone()
    direction, square = left.clone(), left.square().sum(1)
    size = square.sqrt().clamp(min=torch.finfo(right.dtype).tiny)
    steps = 0
    while steps < most_steps:
        open_ = square.sqrt() > tolerance * size
        if not open_.any():
            break
        active = direction[open_]
        image = product(active) + damping * active
        length = square[open_] / (active * image).sum(1)
        solution[open_] += length[:, None] * active
        left[open_] -= length[:, None] * image
        after = left[open_].square().sum(1)
        direction[open_] = left[open_] + (after / square[open_])[:, None] * active
        square[open_] = after
        steps += 1
    return solution, residual_of(product, solution, right, damping), steps


def residual_of(
    product: Callable[[Tensor], Tensor], solution: Tensor, right: Tensor, damping: float
) -> float:
    """Return the largest of ‖(C + λI)x − b‖ / ‖b‖ over rows, computed anew."""
    left = product(solution) + damping * solution - right
    size = right.norm(dim=1).clamp(min=torch.finfo(right.dtype).tiny)
    return float((left.norm(dim=1) / size).max())
