"""Influence functions by LiSSA: a Neumann series with random batches of records.

x_{t+1} = g + (1 − λ/s) x_t − C_t x_t / s, and (C + λI)⁻¹g ≈ x_T / s, the mean of several runs.
It needs s above the largest eigenvalue of C + λI, and T of several s/λ, whatever the eigenvalue:
Ye et al. 2024 take λ = 0.001, s = 500, T = 50, 5 runs, where the series stops a hundred thousandth
of the way for flat directions, and the result is 0.1 times the gradient. So the residual of the
linear system is measured on all records and reported.

Agarwal, Bullins, Hazan 2017, "Second-Order Stochastic Optimization for Machine Learning in Linear
Time"; Koh and Liang 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.probe.influence.influence_cg import asked_gradients, from_solutions, residual_of
from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import Attribution, Trained, influence

LARGEST_RESIDUAL = 0.1
MOST_STEPS = 500


@dataclass(frozen=True)
class NeumannSeries:
    """How the series is run.

    Attributes:
        scale: s.
        depth: T.
        runs: to average.
        batch: records of each product.
    """

    scale: float
    depth: int
    runs: int = 1
    batch: int = 50


PUBLISHED = NeumannSeries(scale=500.0, depth=50, runs=5)


@influence("influence_lissa")
def influence_lissa(trained: Trained) -> Attribution:
    """Return the influences of a series as deep as the largest eigenvalue asks for."""
    flat = FlatParameters(trained)
    scale = 2 * largest_eigenvalue(flat, trained.seed) + trained.damping
    if not math.isfinite(scale):
        raise ImprintError(
            "the largest curvature of the network is not finite: train it with a lower "
            "learning rate"
        )
    depth = min(MOST_STEPS, math.ceil(math.log(1e3) * scale / trained.damping))
    return by_series(trained, NeumannSeries(scale, depth))


def by_series(trained: Trained, series: NeumannSeries) -> Attribution:
    """Return the influences of a series of one's choice, with the residual that is left."""
    flat = FlatParameters(trained)
    gradients = asked_gradients(flat, trained)
    total = torch.zeros_like(gradients)
    for run in range(series.runs):
        total += _run(flat, gradients, trained, series, run)
    solution = total / (series.scale * series.runs)
    residual = residual_of(flat.product(), solution, gradients, trained.damping)
    facts: dict[str, object] = {
        "residual": residual,
        "steps": series.depth,
        "scale": series.scale,
    }
    if not residual <= LARGEST_RESIDUAL:
        facts["unconverged"] = (
            f"a relative residual of {residual:.2g} is left after {series.depth} terms: this is "
            "not yet an inverse"
        )
    return from_solutions(flat, trained, solution, facts)


def largest_eigenvalue(flat: FlatParameters, seed: int, steps: int = 30) -> float:
    """Return the largest eigenvalue of the Gauss–Newton matrix, by power iteration."""
    random = torch.Generator().manual_seed(seed)
    vector = torch.randn(1, len(flat.theta), generator=random).to(flat.theta)
    product, eigenvalue = flat.product(), 0.0
    for _ in range(steps):
        vector = product(vector / vector.norm())
        eigenvalue = float(vector.norm())
    return eigenvalue


def _run(
    flat: FlatParameters, gradients: Tensor, trained: Trained, series: NeumannSeries, run: int
) -> Tensor:
    random = generator(trained.seed, "lissa", run)
    count, solution = len(trained.labels), gradients.clone()
    for _ in range(series.depth):
        rows = torch.from_numpy(random.permutation(count)[: series.batch]).to(gradients.device)
        moved = flat.product(rows=rows)(solution)
        solution = (
            gradients + (1 - trained.damping / series.scale) * solution - moved / series.scale
        )
    return solution
