"""VICReg: variance, invariance, covariance (Bardes, Ponce, LeCun 2022, eq. 1–6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional as F

from imprint.core.bounds import Bounds, Checked
from imprint.train.gather import gather
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class VICRegOptions(Checked):
    """Weights of the three terms."""

    invariance: Annotated[float, Bounds(least=0)] = 25.0
    variance: Annotated[float, Bounds(least=0)] = 25.0
    covariance: Annotated[float, Bounds(least=0)] = 1.0


@OBJECTIVES.register("vicreg")
class VICReg(Objective):
    """Views of one image agree; every dimension varies; no two dimensions tell the same."""

    Options = VICRegOptions

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of two views' embeddings."""
        first, second = embeddings
        return vicreg_loss(first, second, self.options)


def vicreg_loss(first: torch.Tensor, second: torch.Tensor, options: VICRegOptions) -> torch.Tensor:
    """Return the VICReg loss of two views' embeddings, each ``[b, d]``.

    Invariance is the mean over this process's rows; variance and covariance are over the batch of
    all processes. Variance is hinged at a standard deviation of 1 (√(Var + 1e-4)).
    """
    invariance = F.mse_loss(first, second)
    variance = first.new_zeros(())
    covariance = first.new_zeros(())
    for view in (gather(first), gather(second)):
        rows, width = view.shape
        centred = view - view.mean(dim=0)
        spread = torch.sqrt(centred.square().sum(dim=0) / (rows - 1) + 1e-4)
        variance = variance + F.relu(1 - spread).mean() / 2
        products = centred.T @ centred / (rows - 1)
        squares = products.square().sum() - products.diagonal().square().sum()
        covariance = covariance + squares / width
    return (
        options.invariance * invariance
        + options.variance * variance
        + options.covariance * covariance
    )
