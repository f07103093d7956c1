"""TRAK: a linear model on randomly projected gradients of the margin, of one network.

With m = log p/(1 − p) of the label, φ = Pᵀ∇m for a normal P ``[p, k]``, and Φ of all records,

    influence of i on q = φ_qᵀ (ΦᵀΦ)⁻¹ φ_i (1 − p_i),

the shift of the margin of q; of degree 1. Projections go layer by layer and never meet a written
gradient. k below n keeps ΦᵀΦ invertible. Park, Georgiev, Ilyas, Leclerc, Madry 2023, "TRAK",
equation 15, which averages over networks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imprint.core.seeds import derive
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.rank_one import Factors, factors
from imprint.probe.signals.confidence import margin

_NUMBERS = 4_000_000


@influence("trak", degree=1)
def trak(trained: Trained) -> Attribution:
    """Return the influences with k = n/2 projections, at most 512."""
    count = min(512, len(trained.labels) // 2)
    features, query_features = (
        projected(_margins(trained, inputs, labels), count, trained.seed).double()
        for inputs, labels in (
            (trained.inputs, trained.labels),
            (trained.queries, trained.query_labels),
        )
    )
    with torch.no_grad():
        margins = margin(trained.network(trained.inputs), trained.labels)
    left = torch.sigmoid(-margins.double())
    solved = torch.linalg.lstsq(features.T @ features, query_features.T).solution
    return Attribution(left[:, None] * (features @ solved), facts={"projections": count})


def projected(gradients: Factors, count: int, seed: int) -> Tensor:
    """Return normal projections of gradients, variance 1/k each, ``[n, k]``."""
    rows = len(gradients.slopes[0])
    total = torch.zeros(rows, count).to(gradients.slopes[0])
    for layer, (a, slope) in enumerate(zip(gradients.inputs, gradients.slopes, strict=True)):
        size = a.shape[1] * slope.shape[1]
        random = torch.Generator().manual_seed(derive(seed, "projection", layer))
        block = max(1, _NUMBERS // size)
        for start in range(0, count, block):
            stop = min(start + block, count)
            normal = torch.randn(
                stop - start, slope.shape[1], a.shape[1], generator=random, dtype=torch.float32
            ).to(a)
            total[:, start:stop] += torch.einsum("koi,ni,no->nk", normal, a, slope)
    return total / math.sqrt(count)


def _margins(trained: Trained, inputs: Tensor, labels: Tensor) -> Factors:
    return factors(trained.network, inputs, lambda logits: margin(logits, labels))
