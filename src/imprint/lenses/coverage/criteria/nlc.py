"""NeuraL Coverage: how much the activations of each layer vary together (Yuan et al., ICSE 2023).

With Σ_l the covariance of layer l's A_l neurons over the inputs (divisor N),

    NLC = Σ_l (1/A_l²) Σ_ij |Σ_l,ij|.

``exact``, the default, is that number for all inputs seen, from 0 for none: batches merge as in
:mod:`imprint.lenses.coverage.criterion.moments`, so neither their size nor their order matters.
Repeating or adding typical inputs may lower it.

``paper`` is the published procedure: from 1, and a layer takes in a batch only if its term grows
by it. The value then depends on order and batch size; with batches of one input from the empty
state it stays 1 for ever. Values of before November 2024, which were not divided by A_l², are not
to be compared.

Cost: Σ A_l² multiply-adds an input and as many numbers of state, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.criterion.criterion import Criterion, criterion
from imprint.neurons.activations import Batch, Layers

PRODUCTS = 1 << 22
"""Numbers held at a time while gains are computed."""


@dataclass(frozen=True)
class CovarianceOptions(Checked):
    """Settings of NeuraL Coverage."""

    mode: Literal["exact", "paper"] = "exact"
    """All inputs, or only batches that raise a layer's term, as published."""

    batch_size: Annotated[int, Bounds(least=1)] = 256
    """Inputs a batch in paper mode, on which its value depends."""


@dataclass(frozen=True, eq=False)
class _Spread:
    """Mean and summed products of deviations of one layer's neurons over some inputs.

    Attributes:
        count: number of inputs.
        mean: float64 ``[width]``.
        products: float64 ``[width, width]``.
    """

    count: int
    mean: Tensor
    products: Tensor

    @classmethod
    def of(cls, values: Tensor) -> _Spread:
        """Return that of float64 ``[b, width]``."""
        mean = values.mean(0)
        deviations = values - mean
        return cls(len(values), mean, deviations.T @ deviations)

    def with_(self, other: _Spread) -> _Spread:
        """Return that of both sets of inputs."""
        if not self.count or not other.count:
            return other if not self.count else self
        total = self.count + other.count
        difference = other.mean - self.mean
        products = self.products + other.products
        products.addr_(difference, difference, alpha=self.count * other.count / total)
        return _Spread(total, self.mean + difference * (other.count / total), products)

    def term(self) -> float:
        """Return the mean absolute covariance."""
        return float(self.products.abs().mean()) / self.count if self.count else 0.0

    def terms_with(self, values: Tensor) -> Tensor:
        """Return the term after each row of float64 ``[b, width]`` alone, float64 ``[b]``."""
        weight = self.count / (self.count + 1)
        step = max(1, PRODUCTS // self.products.numel())
        terms = [
            (self.products + weight * rows[:, :, None] * rows[:, None, :]).abs().mean((1, 2))
            for rows in torch.split(values - self.mean, step)
        ]
        return torch.cat(terms) / (self.count + 1)


@criterion("nlc", "covariance of the neurons of a layer")
class CovarianceCoverage(Criterion):
    """Sum over layers of the mean absolute covariance of their neurons."""

    Options = CovarianceOptions
    options: CovarianceOptions
    interval = "groups"

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        self.gated = self.options.mode == "paper"
        self.order_free = not self.gated

    def reset(self) -> None:
        """See nothing yet."""
        zeros = [torch.zeros(width, dtype=torch.float64) for width in self.layers.widths]
        self.spreads = [_Spread(0, zero, torch.outer(zero, zero)) for zero in zeros]

    def add(self, batch: Batch) -> None:
        """Merge the spread of the batch into that of each layer."""
        self._merge([_Spread.of(part) for part in self._parts(batch)])

    def join(self, other: CovarianceCoverage) -> None:
        """Merge the other one's spread, in paper mode as if it were one batch."""
        self._merge(other.spreads)

    def _merge(self, others: list[_Spread]) -> None:
        self.spreads = [
            merged if not self.gated or merged.term() > old.term() else old
            for old, new in zip(self.spreads, others, strict=True)
            for merged in [old.with_(_on(new, old))]
        ]

    def _parts(self, batch: Batch) -> Iterator[Tensor]:
        device = batch.values.device
        self.spreads = [_on(spread, device) for spread in self.spreads]
        yield from torch.split(batch.values.double(), list(self.layers.widths), dim=1)

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``.

        In exact mode it may be negative.
        """
        gain = torch.zeros(len(batch), dtype=torch.float64, device=batch.values.device)
        for part, spread in zip(self._parts(batch), self.spreads, strict=True):
            growth = spread.terms_with(part) - spread.term()
            gain += growth.clamp(min=0) if self.gated else growth
        return gain

    def value(self) -> float:
        """Return the sum of the layers' terms, from 1 on in paper mode."""
        return sum((spread.term() for spread in self.spreads), 1.0 if self.gated else 0.0)

    def ceiling(self, inputs: int) -> None:
        """Return None: activations have no bound."""

    def published_ratio(self, value: float, inputs: int) -> float:
        """Return the rise over the start of paper mode; in exact mode the value itself."""
        return super().published_ratio(value - 1 if self.gated else value, inputs)

    def tensors(self) -> dict[str, Tensor]:
        """Return the spread of each layer."""
        state = {}
        for i, spread in enumerate(self.spreads):
            state[f"count.{i}"] = torch.tensor(spread.count)
            state[f"mean.{i}"] = spread.mean
            state[f"products.{i}"] = spread.products
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the spread of each layer."""
        self.spreads = [
            _Spread(int(state[f"count.{i}"]), state[f"mean.{i}"], state[f"products.{i}"])
            for i in range(len(self.layers.widths))
        ]


def _on(spread: _Spread, place: torch.device | _Spread) -> _Spread:
    device = place.mean.device if isinstance(place, _Spread) else place
    if spread.mean.device == device:
        return spread
    return _Spread(spread.count, spread.mean.to(device), spread.products.to(device))
