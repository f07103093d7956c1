"""Criteria that mark things once some input shows them; what two of them saw joins by "or"."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.neurons.activations import Layers

MOST_MARKS = 2**29
"""A mark is a byte, and sixteen in the tally behind the interval: nine gigabytes."""


class Marks(Criterion):
    """Share of things that were seen at least once.

    Attributes:
        marked: bool, which were seen; things that do not count may stand among them.
    """

    marked: Tensor

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        if self.size() > MOST_MARKS:
            raise ImprintError(
                f"{self.size():,} marks of {layers.neurons:,} neurons do not fit into memory: ask "
                "for fewer sections, or look at fewer layers"
            )
        self.reset()

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

    def join(self, other: Marks) -> None:
        """Mark what either marked."""
        self.marked = self.marked | other.marked.to(self.marked.device)

    def value(self) -> float:
        """Return the share of marks that are set, in [0, 1]."""
        counted = self.counted()
        return int(counted.sum()) / counted.numel()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the marks, and how many inputs were seen."""
        return {"marked": self.marked.clone(), "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.marked = state["marked"].clone()
        self.inputs = int(state["inputs"])
