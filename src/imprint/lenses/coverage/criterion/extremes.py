"""Criteria of activations beyond the training range: what counts is the largest and smallest seen.

A neuron leaves [l − s·σ, u + s·σ] for some input exactly if its extremes over all inputs do; so
the state is two numbers a neuron, and an update one pass over the batch. A corner is a neuron above
its range, or below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.criterion.criterion import Criterion, fitted
from imprint.lenses.coverage.criterion.moments import require_ranges, training_moments
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Batch


@dataclass(frozen=True)
class BoundaryOptions(Checked):
    """How far beyond the training range a boundary lies."""

    sigma: Annotated[float, Bounds(least=0)] = 0.0
    """Standard deviations of the neuron that are added at both ends of its range."""


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Ends of what is usual, ``[neurons]`` each, in the precision of the training data.

    Attributes:
        lower: below which an activation is beyond the range.
        upper: above which it is.
        held_low: int64 ``[neurons]``, which training input holds the smallest activation.
        held_high: the same, of the largest.
    """

    lower: Tensor
    upper: Tensor
    held_low: Tensor
    held_high: Tensor

    def on(self, device: torch.device) -> Boundaries:
        """Return them where the activations are."""
        return Boundaries(
            self.lower.to(device), self.upper.to(device), self.held_low, self.held_high
        )


class BeyondRange(Criterion):
    """Share of corners that some input reaches, from the extremes of each neuron.

    Attributes:
        both_ends: whether corners below the range count as well.
    """

    Options = BoundaryOptions
    options: BoundaryOptions
    family = "neurons"
    both_ends: ClassVar[bool]
    reads_training = True
    interval = "counts"
    boundaries: Boundaries | None = None

    def fit(self, train: ActivationTable) -> None:
        """Learn the range of each neuron, and its deviation where that moves the boundaries.

        Raises:
            ImprintError: no neuron varies over the training inputs.
        """
        moments = training_moments(train)
        require_ranges(moments)
        beyond = self.options.sigma * moments.variance.sqrt()
        self.boundaries = Boundaries(
            (moments.low - beyond).to(moments.low.dtype),
            (moments.high + beyond).to(moments.high.dtype),
            moments.lowest,
            moments.highest,
        )

    def reset(self) -> None:
        """See nothing yet."""
        self.highest = torch.full((self.layers.neurons,), -torch.inf)
        self.lowest = -self.highest

    def add(self, batch: Batch) -> None:
        """Extend the extremes by those of the batch."""
        fitted(self.boundaries, self.name)
        self._extend(*batch.extremes)

    def join(self, other: BeyondRange) -> None:
        """Extend the extremes by those of the other one."""
        self._extend(other.lowest, other.highest)

    def _extend(self, lowest: Tensor, highest: Tensor) -> None:
        self.lowest = torch.minimum(self.lowest.to(lowest.device), lowest)
        self.highest = torch.maximum(self.highest.to(highest.device), highest)

    def _corners(self, lowest: Tensor, highest: Tensor) -> Tensor:
        """Return which corners activations ``[…, neurons]`` reach, ``[…, corners]``."""
        limits = fitted(self.boundaries, self.name).on(highest.device)
        above = highest > limits.upper
        if not self.both_ends:
            return above
        return torch.cat([above, lowest < limits.lower], dim=-1)

    def reached(self) -> Tensor:
        """Return which corners some input reached, bool ``[corners]``: those above first."""
        return self._corners(self.lowest, self.highest)

    def value(self) -> float:
        """Return the share of corners that were reached."""
        return int(self.reached().sum()) / self.mark_count()

    def gain(self, batch: Batch) -> Tensor:
        """Return the share of corners that each input would be the first to reach."""
        corners = self._corners(batch.values, batch.values)
        return (corners & ~self.reached().to(corners.device)).sum(1).double() / self.mark_count()

    def marks(self, batch: Batch) -> Tensor:
        """Return the corners that each input reaches."""
        corners = self._corners(batch.values, batch.values)
        numbers = torch.arange(corners.shape[1], device=corners.device)
        return torch.where(corners, numbers, torch.tensor(NO_MARK, device=corners.device))

    def mark_count(self) -> int:
        """Return the number of corners."""
        return (2 if self.both_ends else 1) * self.layers.neurons

    @property
    def unit(self) -> float:
        """By how much one corner raises the value."""
        return 1 / self.mark_count()

    @property
    def burst(self) -> float:
        """How many corners one training input holds."""
        limits = fitted(self.boundaries, self.name)
        ends = (limits.held_high, limits.held_low) if self.both_ends else (limits.held_high,)
        return held_together(torch.cat(ends))

    def tensors(self) -> dict[str, Tensor]:
        """Return boundaries and extremes."""
        limits = fitted(self.boundaries, self.name)
        return {**vars(limits), "lowest": self.lowest, "highest": self.highest}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set boundaries and extremes."""
        self.boundaries = Boundaries(
            state["lower"], state["upper"], state["held_low"], state["held_high"]
        )
        self.lowest, self.highest = state["lowest"], state["highest"]


def held_together(holders: Tensor) -> float:
    """Return how many ends of ranges one training input holds: the mean over ends.

    It is what this input would have exceeded had the range been that of the others, and so what an
    input of a rare kind may exceed at once.

    Args:
        holders: int64, which training input holds each end.
    """
    _, ends = np.unique(holders.cpu().numpy(), return_counts=True)
    return float(np.square(ends).sum() / ends.sum())
