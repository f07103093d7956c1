"""The nearest records in input space: a baseline without a network.

The k nearest records of a query count 1/k each, for its class or against it; a record on itself is
the larger, the more of its k nearest others are of another class, and the farther away its own
class is: the mean distance to the k nearest of its class over that to the k nearest of the others.
"""

from __future__ import annotations

import torch

from imprint.probe.influence_kit.question import Attribution, Trained, influence

NEIGHBOURS = 10


@influence("nearest", degree=1)
def nearest(trained: Trained) -> Attribution:
    """Return the votes of the nearest records, and how a record lies among the others."""
    gaps = torch.cdist(trained.queries, trained.inputs)
    count_queries = len(trained.own)
    gaps[torch.arange(count_queries), trained.own] = torch.inf
    same = trained.query_labels[:, None] == trained.labels
    count = min(NEIGHBOURS, len(trained.labels) - 1)
    closest = gaps.topk(count, largest=False).indices
    votes = torch.zeros_like(gaps).scatter(1, closest, 1 / count) * torch.where(same, 1.0, -1.0)

    def mean_of(side: torch.Tensor) -> torch.Tensor:
        # A class of fewer than k others stands for itself with those it has.
        near = (
            gaps[:count_queries]
            .masked_fill(~side[:count_queries], torch.inf)
            .topk(count, largest=False)
            .values
        )
        is_finite = near.isfinite()
        return near.where(is_finite, 0.0).sum(1) / is_finite.sum(1).clamp(min=1)

    own = mean_of(same) / mean_of(~same).clamp(min=torch.finfo(gaps.dtype).tiny)
    return Attribution(votes.T, own)
