"""The nearest records in input space: a baseline without a network.

The k nearest records of a query count 1/k each, for its class or against it; a record on itself is
the larger, the more of its k nearest others are of another class, and the farther away its own
class is: the mean distance to the k nearest of its class over that to the k nearest of the others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence_kit.question import Attribution, Trained, influence

NEIGHBOURS = 10


@influence("nearest", degree=1, of_classes=True)
def nearest(trained: Trained) -> Attribution:
    """Return the votes of the nearest records, and how a record lies among the others."""
    records = trained.inputs.flatten(1).to(torch.get_default_dtype())
    if trained.inputs.is_floating_point():
        records = trained.inputs.flatten(1)
    gaps = torch.cdist(trained.queries.flatten(1).to(records), records)
    same = trained.query_labels[:, None] == trained.labels
    count = min(NEIGHBOURS, len(trained.labels) - 1)
    closest = gaps.topk(count, largest=False).indices
    votes = torch.zeros_like(gaps).scatter(1, closest, 1 / count) * torch.where(same, 1.0, -1.0)
    return Attribution(votes.T, _among_others(records, trained.labels, trained.own, count))


def _among_others(records: Tensor, labels: Tensor, own: Tensor, count: int) -> Tensor:
    gaps = torch.cdist(records[own], records)
    gaps[torch.arange(len(own)), own] = torch.inf
    same = labels[own][:, None] == labels

    def mean_of(side: Tensor) -> Tensor:
        # A class of fewer than k others stands for itself with those it has.
        near = gaps.masked_fill(~side, torch.inf).topk(count, largest=False).values
        is_finite = near.isfinite()
        return near.where(is_finite, 0.0).sum(1) / is_finite.sum(1).clamp(min=1)

    return mean_of(same) / mean_of(~same).clamp(min=torch.finfo(gaps.dtype).tiny)
