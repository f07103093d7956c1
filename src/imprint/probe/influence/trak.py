"""TRAK: a linear model on randomly projected gradients of the margin, of one network.

With m = log p/(1 − p) of the label, φ = Pᵀ∇m for a normal P ``[p, k]``, and Φ of all records,

    influence of i on q = φ_qᵀ (ΦᵀΦ)⁻¹ φ_i (1 − p_i),

the shift of the margin of q; of degree 1. Projections go layer by layer, and of linear layers never
meet a written gradient. k below n keeps ΦᵀΦ invertible. Park, Georgiev, Ilyas, Leclerc, Madry 2023,
"TRAK", equation 15, which averages over networks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imprint.core.seeds import derive
from imprint.probe.influence_kit.layer_gradients import Gradients, LayerGradients, Outer
from imprint.probe.influence_kit.losses import indicator
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.record_gradients import RecordGradients

_NUMBERS = 4_000_000


@influence("trak", degree=1, of_classes=True)
def trak(trained: Trained) -> Attribution:
    """Return the influences with k = n/2 projections, at most 512."""
    count = min(512, len(trained.labels) // 2)
    source = RecordGradients(trained)
    features, margins = _features(source, trained.inputs, trained.labels, count)
    query_features, _ = _features(source, trained.queries, trained.query_labels, count)
    left = torch.sigmoid(-margins)
    solve = torch.linalg.pinv(features.T @ features, hermitian=True)
    table = left[:, None] * (features @ (solve @ query_features.T))
    own = (left[:, None] * features * (features @ solve)).sum(1)[trained.own]
    return Attribution(table, own, facts={"projections": count})


def label_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return log p/(1 − p) of each label, ``[b]``; unlike others, of any batch."""
    is_label = indicator(logits, labels)
    others = logits.masked_fill(is_label.bool(), -torch.inf)
    return (logits * is_label).sum(1) - others.logsumexp(1)


def projected(gradients: Gradients, count: int, seed: int) -> Tensor:
    """Return normal projections of gradients, variance 1/k each, ``[n, k]``."""
    parts = [
        _projected_layer(layer, count, derive(seed, "projection", place))
        for place, layer in enumerate(gradients)
    ]
    return torch.stack(parts).sum(0) / math.sqrt(count)


def _projected_layer(layer: LayerGradients, count: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    if isinstance(layer, Outer):
        like, sides = layer.slopes, (layer.slopes.shape[1], layer.inputs.shape[1])
    else:
        like, sides = layer.values, (layer.values.shape[1], layer.values.shape[2])
    total = torch.zeros(len(layer), count).to(like)
    block = max(1, _NUMBERS // math.prod(sides))
    for start in range(0, count, block):
        stop = min(start + block, count)
        normal = torch.randn(stop - start, *sides, generator=random, dtype=torch.float32).to(like)
        if isinstance(layer, Outer):
            part = torch.einsum("koi,ni,no->nk", normal, layer.inputs, layer.slopes)
        else:
            part = layer.values.flatten(1) @ normal.flatten(1).T
        total[:, start:stop] = part
    return total


def _features(
    source: RecordGradients, inputs: Tensor, labels: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Return projected gradients of the margins, and the margins, float64."""
    features, margins, trained = [], [], source.trained
    size = source.batch()
    for start in range(0, len(inputs), size):
        rows = slice(start, start + size)
        gradients = source.of(inputs[rows], label_margins, labels[rows])
        features.append(projected(gradients, count, trained.seed).double())
        with torch.no_grad():
            margins.append(label_margins(trained.network(inputs[rows]), labels[rows]).double())
    if not features:
        empty = torch.zeros(0, count, dtype=torch.float64, device=inputs.device)
        return empty, empty[:, 0]
    return torch.cat(features), torch.cat(margins)
