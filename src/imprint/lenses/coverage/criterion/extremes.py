"""Criteria of activations beyond the training range: what counts is the largest and smallest seen.

A neuron leaves [l − s·σ, u + s·σ] for some input exactly if its extremes over all inputs do; so
the state is two numbers a neuron, and an update one pass over the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion, fitted
from imprint.lenses.coverage.criterion.moments import require_ranges, training_moments
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Batch, Layers


@dataclass(frozen=True)
class BoundaryOptions:
    """How far beyond the training range a boundary lies."""

    sigma: float = 0.0
    """Standard deviations of the neuron that are added at both ends of its range."""

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ImprintError(f"sigma is {self.sigma}: a boundary cannot lie within the range")


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
    """Keeps the smallest and largest activation of each neuron.

    Attributes:
        name: of the criterion, for messages.
    """

    Options = BoundaryOptions
    options: BoundaryOptions
    name: ClassVar[str]
    reads_training = True
    interval = "counts"
    boundaries: Boundaries | None = None

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        self.reset()

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
        """Stretch what was seen to the extremes of the batch."""
        fitted(self.boundaries, self.name)
        self._stretch(*batch.extremes)

    def join(self, other: BeyondRange) -> None:
        """Stretch what was seen to what the other one saw."""
        self._stretch(other.lowest, other.highest)

    def _stretch(self, lowest: Tensor, highest: Tensor) -> None:
        self.lowest = torch.minimum(self.lowest.to(lowest.device), lowest)
        self.highest = torch.maximum(self.highest.to(highest.device), highest)

    def above(self) -> Tensor:
        """Return which neurons exceeded their upper boundary, bool ``[neurons]``."""
        limits = fitted(self.boundaries, self.name).on(self.highest.device)
        return self.highest > limits.upper

    def below(self) -> Tensor:
        """Return which neurons fell below their lower boundary, bool ``[neurons]``."""
        limits = fitted(self.boundaries, self.name).on(self.lowest.device)
        return self.lowest < limits.lower

    def newly_above(self, batch: Batch) -> Tensor:
        """Return how many neurons each input would be the first to lift, int64 ``[b]``."""
        device = batch.values.device
        return (self.beyond_upper(batch) & ~self.above().to(device)).sum(1)

    def newly_below(self, batch: Batch) -> Tensor:
        """Return how many neurons each input would be the first to push down, int64 ``[b]``."""
        device = batch.values.device
        return (self.beyond_lower(batch) & ~self.below().to(device)).sum(1)

    def beyond_upper(self, batch: Batch) -> Tensor:
        """Return which activations exceed their upper boundary, bool ``[b, neurons]``."""
        return batch.values > fitted(self.boundaries, self.name).on(batch.values.device).upper

    def beyond_lower(self, batch: Batch) -> Tensor:
        """Return which activations fall below their lower boundary, bool ``[b, neurons]``."""
        return batch.values < fitted(self.boundaries, self.name).on(batch.values.device).lower

    def state_dict(self) -> dict[str, Tensor]:
        """Return boundaries, extremes, and how many inputs were seen."""
        limits = fitted(self.boundaries, self.name)
        return {
            "lower": limits.lower,
            "upper": limits.upper,
            "held_low": limits.held_low,
            "held_high": limits.held_high,
            "lowest": self.lowest,
            "highest": self.highest,
            "inputs": torch.tensor(self.inputs),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.boundaries = Boundaries(
            state["lower"], state["upper"], state["held_low"], state["held_high"]
        )
        self.lowest, self.highest = state["lowest"], state["highest"]
        self.inputs = int(state["inputs"])


def numbered(beyond: Tensor) -> Tensor:
    """Return the numbers of the marks that are set, int64 ``[b, w]``, with ``NO_MARK`` else.

    Args:
        beyond: bool ``[b, w]``.
    """
    numbers = torch.arange(beyond.shape[1], device=beyond.device)
    return torch.where(beyond, numbers, torch.tensor(NO_MARK, device=beyond.device))


def held_together(holders: Tensor) -> float:
    """Return how many ends of ranges one training input holds: the mean over ends.

    It is what this input would have exceeded had the range been that of the others, and so what an
    input of a rare kind may exceed at once.

    Args:
        holders: int64, which training input holds each end.
    """
    _, ends = np.unique(holders.cpu().numpy(), return_counts=True)
    return float(np.square(ends).sum() / ends.sum())
