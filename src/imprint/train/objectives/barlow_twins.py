"""Barlow Twins: cross-correlation of two views close to the identity (Zbontar et al. 2021).

L = Σᵢ (cᵢᵢ − 1)² + λ Σᵢ≠ⱼ cᵢⱼ² (eq. 1), where c is the cross-correlation of the two views'
embeddings, batch-normalised without affine parameters over the batch of all processes (eq. 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch

from imprint.core.bounds import Bounds, Checked
from imprint.train.batch_norm import standardise
from imprint.train.gather import all_sum, world_size
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class BarlowTwinsOptions(Checked):
    """Settings of Barlow Twins."""

    redundancy: Annotated[float, Bounds(least=0)] = 0.0051
    """λ, the weight of what different dimensions share."""


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
