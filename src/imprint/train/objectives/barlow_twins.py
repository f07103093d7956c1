"""Barlow Twins: views correlate dimension by dimension and in no other way (Zbontar et al. 2021).

L = Σᵢ (cᵢᵢ − 1)² + λ Σᵢ≠ⱼ cᵢⱼ² (eq. 1), where c is the cross-correlation of the two views'
embeddings, batch-normalised without affine parameters over the batch of all processes (eq. 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from imprint.core.errors import ImprintError
from imprint.train.batch_norm import standardise
from imprint.train.gather import all_sum, world_size
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class BarlowTwinsOptions:
    """Settings of Barlow Twins."""

    redundancy: float = 0.0051
    """λ, the weight of what different dimensions share."""

    def __post_init__(self) -> None:
        if not 0 <= self.redundancy < math.inf:
            raise ImprintError(
                f"redundancy of barlow_twins is {self.redundancy}: it must be at least 0 and finite"
            )


@OBJECTIVES.register("barlow_twins")
class BarlowTwins(Objective):
    """The cross-correlation of two views' embeddings is the identity."""

    Options = BarlowTwinsOptions

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of two views' embeddings."""
        first, second = embeddings
        return barlow_twins_loss(first, second, self.options.redundancy)


def barlow_twins_loss(first: torch.Tensor, second: torch.Tensor, redundancy: float) -> torch.Tensor:
    """Return the loss of two views' embeddings, each ``[b, d]``, with λ = ``redundancy``."""
    rows = len(first) * world_size()
    correlation = all_sum(standardise(first).T @ standardise(second)) / rows
    diagonal = correlation.diagonal()
    off_diagonal = correlation.square().sum() - diagonal.square().sum()
    return (diagonal - 1).square().sum() + redundancy * off_diagonal
