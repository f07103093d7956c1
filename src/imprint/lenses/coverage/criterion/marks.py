"""Criteria that count things once some input shows them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion, Family
from imprint.neurons.activations import Batch, Layers

MAX_MARKS = 2**29
"""A mark is a byte, and sixteen in the tally of the interval: nine gigabytes."""


class Marks(Criterion):
    """Share of numbered things that were seen at least once.

    Attributes:
        marked: bool, which were seen; things that do not count may stand among them.
    """

    family: ClassVar[Family] = "neurons"
    diminishing = True
    marked: Tensor

    def __init__(self, layers: Layers, options: Any = None) -> None:
        self.layers, self.options = layers, self.Options() if options is None else options
        if self.size() > MAX_MARKS:
            raise ImprintError(
                f"{self.size():,} marks of {layers.neurons:,} neurons do not fit into memory: use "
                "fewer sections, or fewer layers"
            )
        super().__init__(layers, self.options)

    @abstractmethod
    def size(self) -> int:
        """Return how many marks there are."""

    def mark_count(self) -> int:
        """Return how many marks there are."""
        return self.size()

    @property
    def unit(self) -> float:
        """By how much one mark raises the value."""
        return 1 / self.counted().numel()

    def counted(self) -> Tensor:
        """Return the marks that count."""
        return self.marked

    def reset(self) -> None:
        """See nothing yet."""
        self.marked = torch.zeros(self.size(), dtype=torch.bool)

    def on(self, device: torch.device) -> Tensor:
        """Return the marks, moved to where the activations are."""
        if self.marked.device != device:
            self.marked = self.marked.to(device)
        return self.marked

    def places(self, batch: Batch) -> Tensor:
        """Return which places of ``marked`` each input sets, int64 ``[b, w]``."""
        return self.marks(batch)

    def add(self, batch: Batch) -> None:
        """Set the marks of the batch."""
        self.on(batch.values.device).index_fill_(0, self.places(batch).reshape(-1), True)

    def gain(self, batch: Batch) -> Tensor:
        """Return the share of marks that each input alone would add, float64 ``[b]``."""
        new = ~self.on(batch.values.device)[self.places(batch)]
        return new.sum(1).double() / self.counted().numel()

    def join(self, other: Marks) -> None:
        """Mark what either marked."""
        self.marked = self.marked | other.marked.to(self.marked.device)

    def value(self) -> float:
        """Return the share of marks that are set, in [0, 1]."""
        counted = self.counted()
        return int(counted.sum()) / counted.numel()

    def tensors(self) -> dict[str, Tensor]:
        """Return the marks."""
        return {"marked": self.marked.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the marks."""
        self.marked = state["marked"].clone()


class Distinct(Criterion):
    """Number of distinct keys of inputs, or their share where all are known.

    Attributes:
        seen: keys of the inputs.
    """

    interval = "counts"

    def reset(self) -> None:
        """See nothing yet."""
        self.seen: set[Any] = set()

    @abstractmethod
    def keys(self, batch: Batch) -> list[Any]:
        """Return the key of each input; None where it counts nothing."""

    @property
    def total(self) -> int:
        """What the number of keys is divided by."""
        return 1

    @property
    def unit(self) -> float:
        """By how much one key raises the value."""
        return 1 / self.total

    def add(self, batch: Batch) -> None:
        """Note the keys of the batch."""
        self.seen.update(key for key in self.keys(batch) if key is not None)

    def gain(self, batch: Batch) -> Tensor:
        """Return ``unit`` for each input whose key is new, float64 ``[b]``."""
        new = [key is not None and key not in self.seen for key in self.keys(batch)]
        return torch.tensor(new, dtype=torch.float64, device=batch.values.device) / self.total

    def join(self, other: Distinct) -> None:
        """Note the keys that either saw."""
        self.seen = self.seen | other.seen

    def value(self) -> float:
        """Return the number of keys, or their share."""
        return len(self.seen) / self.total
