"""Coverage of the cells of some neurons' clusters: what IDC and WISDOM share.

They differ in the neurons that they observe, and in nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cells import (
    CellCoverage,
    Cells,
    distinct,
    occurrences,
    share,
    shared,
    within,
)
from imprint.lenses.coverage.clusters.clusterers import CLUSTERERS, cluster_neurons
from imprint.lenses.coverage.clusters.clustering import Clustering
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.neurons.activations import ActivationTable, Batch, Layers

MIN_PENDING = 4096
"""Inputs whose cells wait at least before they are counted."""
_MULTIPLIERS = torch.tensor([1, -7046029254386353131, -4265267296055464877])


def one_cell(values: NDArray[np.floating[Any]]) -> str:
    """Return why all inputs share one cell of neurons.

    Args:
        values: float ``[n, m]``, their activations over training inputs.
    """
    inputs, neurons = values.shape
    if (values.max(axis=0) > values.min(axis=0)).any():
        return (
            f"the clusterer finds one cluster of each of the {neurons} neurons, so that all inputs "
            "share one cell: choose another, or more clusters"
        )
    return (
        f"none of the {neurons} neurons varies over the training inputs ({inputs}), so that all "
        "inputs share one cell: give training inputs that differ, or other neurons"
    )


@dataclass(frozen=True)
class CellOptions(Checked):
    """Which neurons have cells, and of how many clusters."""

    m: Annotated[int, Bounds(least=1)] = 10
    """How many neurons to observe, the most important first."""

    k: Annotated[int, Bounds(least=0)] = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""

    clusterer: str = "exact"
    """Exact k-means, or one of scikit-learn's, as MeanShift, which finds its own number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clusterer != "exact" and self.clusterer not in CLUSTERERS:
            raise ImprintError(
                f"clusterer must be one of exact, {', '.join(CLUSTERERS)}, got {self.clusterer!r}"
            )


class CellCriterion(Criterion):
    """Share of the cells of some neurons' clusters that some input reaches.

    Attributes:
        neurons: int64 ``[m]``, which neurons, numbered among all.
        classes: int64 ``[c]``, classes with clusters of their own; empty where all share theirs.
        cells: of the neurons; one for all inputs, or one for each class.
        clusterings: of the neurons, as ``cells``; empty after :meth:`load_state_dict`.
        training_cells: int64 ``[d, w]``, the different cells that training data reach.
        training_counts: int64 ``[d]``, how many training inputs are in each.
    """

    family = "cells"
    reads_training: ClassVar[bool] = True
    interval = "counts"

    def __init__(self, layers: Layers, options: Any = None) -> None:
        self.neurons = torch.empty(0, dtype=torch.int64)
        self.classes = torch.empty(0, dtype=torch.int64)
        self.cells: tuple[Cells, ...] = ()
        self.clusterings: tuple[tuple[Clustering, ...], ...] = ()
        self.training_cells = torch.empty(0, 1, dtype=torch.int64)
        self.training_counts = torch.empty(0, dtype=torch.int64)
        super().__init__(layers, options)

    @abstractmethod
    def choose(self, train: ActivationTable) -> IntArray:
        """Return the neurons to observe, the most important first, int64 ``[m]``."""

    @property
    def by_class(self) -> bool:
        """Whether each class has clusters of its own."""
        return False

    def fit(self, train: ActivationTable) -> None:
        """Choose neurons, cluster their activations, and note the cells that training data reach.

        Raises:
            ImprintError: no inputs, activations that are not finite, labels that are missing, or
                neurons of which none varies.
        """
        if not len(train):
            raise ImprintError("there are no training activations to find cells of: give some")
        chosen = self.choose(train)
        values = train.columns(chosen)
        self.neurons = torch.from_numpy(chosen)
        parts = [values]
        if self.by_class:
            if train.labels is None:
                raise ImprintError("clusters of each class need labels of the training data")
            names = np.unique(train.labels)
            self.classes = torch.from_numpy(names.astype(np.int64))
            parts = [values[train.labels == name] for name in names]
        self.clusterings = tuple(
            cluster_neurons(part, self.options.k, self.options.clusterer) for part in parts
        )
        self.cells = tuple(map(Cells.of, self.clusterings))
        if all(cells.total == 1 for cells in self.cells):
            raise ImprintError(one_cell(values))
        labels = None if train.labels is None else torch.from_numpy(train.labels)
        codes = self.codes(torch.from_numpy(values), labels)
        self.training_cells, self.training_counts = distinct(codes)
        self.reset()

    def reset(self) -> None:
        """See nothing yet."""
        self._reached = torch.empty(0, self.training_cells.shape[1], dtype=torch.int64)
        self._counts = torch.empty(0, dtype=torch.int64)
        self._pending: tuple[Tensor, ...] = ()

    def codes(self, values: Tensor, labels: Tensor | None) -> Tensor:
        """Return the cell of each input, int64 ``[b, w]``.

        Args:
            values: ``[b, m]``, of the chosen neurons.
            labels: int64 ``[b]``; read where each class has its own clusters.

        Raises:
            ImprintError: values that are not finite, labels that are missing, or a class that
                the fit did not see.
        """
        if not self.cells:
            raise ImprintError(
                "cells are not fitted: call fit with training data, or load a state, first"
            )
        if not len(self.classes):
            return self.cells[0].codes(values)
        if labels is None:
            raise ImprintError("clusters of each class need labels of the inputs")
        width = max(cells.weights.shape[1] for cells in self.cells)
        codes = torch.zeros(len(values), 1 + width, dtype=torch.int64, device=values.device)
        codes[:, 0] = -1
        for place, (name, cells) in enumerate(zip(self.classes.tolist(), self.cells, strict=True)):
            rows = labels == name
            inside = cells.codes(values[rows])
            codes[rows, 0] = place
            codes[rows, 1 : 1 + inside.shape[1]] = inside
        if (codes[:, 0] < 0).any():
            missing = sorted(set(labels[codes[:, 0] < 0].tolist()))
            raise ImprintError(f"class {missing[0]} has no training data, so that it has no cells")
        return codes

    def add(self, batch: Batch) -> None:
        """Note the cells of a batch."""
        self._pending = (*self._pending, self._codes_of(batch))
        if sum(map(len, self._pending)) > max(MIN_PENDING, len(self._reached)):
            self._settle()

    def gain(self, batch: Batch) -> Tensor:
        """Return 1/P for each input whose cell is new, and 0 else, float64 ``[b]``."""
        known = within(self._codes_of(batch), self.reached[0])
        return (~known).double() * (1 / self.total)

    def join(self, other: CellCriterion) -> None:
        """Reach what either reaches."""
        cells, counts = other.reached
        self._settle()
        device = cells.device if not len(self._reached) else self._reached.device
        self._reached, self._counts = distinct(
            torch.cat([self._reached.to(device), cells.to(device)]),
            torch.cat([self._counts.to(device), counts.to(device)]),
        )

    @property
    def total(self) -> int:
        """How many cells there are, P."""
        return sum(cells.total for cells in self.cells)

    @property
    def reached(self) -> tuple[Tensor, Tensor]:
        """The different cells reached, int64 ``[d, w]``, and how often each, int64 ``[d]``."""
        self._settle()
        return self._reached, self._counts

    @property
    def unit(self) -> float:
        """By how much one cell raises the value."""
        return 1 / self.total

    def marks(self, batch: Batch) -> Tensor:
        """Return a number of the cell of each input, int64 ``[b, 1]``."""
        codes = self._codes_of(batch)
        # Distinct codes share a number with probability 2⁻⁶³.
        return (codes * _MULTIPLIERS[: codes.shape[1]].to(codes.device)).sum(1, keepdim=True)

    def value(self) -> float:
        """Return the share of all cells that are reached."""
        return len(self.reached[0]) / self.total

    def ceiling(self, inputs: int) -> float:
        """Return the share of all cells that this number of inputs can reach at most."""
        return share(inputs, self.total)

    def novelty(self, batch: Batch) -> Tensor:
        """Return how novel each input is, float64 ``[b]`` in [0, 1].

        The share of training inputs in cells of more training inputs than its own; 1 in a cell
        that no training input reaches (:mod:`imprint.lenses.coverage.clusters.novelty`).
        """
        inside = occurrences(self._codes_of(batch), self.training_cells, self.training_counts)
        sizes = self.training_counts.sort().values.to(inside.device)
        up_to = torch.nn.functional.pad(sizes.cumsum(0), (1, 0))
        smaller = up_to[torch.searchsorted(sizes, inside, right=True)]
        return (up_to[-1] - smaller).double() / up_to[-1]

    def coverage(self) -> CellCoverage:
        """Return the counts of the value, with the cells that training data reach."""
        cells, _ = self.reached
        both = shared(cells, self.training_cells) if len(cells) else cells
        return CellCoverage(
            len(cells), self.inputs, self.total, len(self.training_cells), len(both)
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return neurons, thresholds and cells."""
        cells, counts = self.reached
        width = max((part.thresholds.shape[1] for part in self.cells), default=0)
        tables = [
            torch.nn.functional.pad(
                part.thresholds, (0, width - part.thresholds.shape[1]), value=torch.inf
            )
            for part in self.cells
        ]
        empty = torch.empty(0, 0, 0, dtype=torch.float64)
        return {
            "neurons": self.neurons,
            "classes": self.classes,
            "thresholds": torch.stack(tables) if tables else empty,
            "trained": self.training_cells,
            "trained_counts": self.training_counts,
            "reached": cells,
            "counts": counts,
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set neurons, thresholds and cells."""
        self.neurons, self.classes = state["neurons"], state["classes"]
        self.cells = tuple(
            Cells.between([row[row.isfinite()].tolist() for row in table])
            for table in state["thresholds"]
        )
        self.clusterings = ()
        self.training_cells = state["trained"]
        self.training_counts = state["trained_counts"]
        self._reached, self._counts, self._pending = state["reached"], state["counts"], ()

    def _codes_of(self, batch: Batch) -> Tensor:
        return self.codes(batch.values[:, self.neurons.to(batch.values.device)], batch.labels)

    def _settle(self) -> None:
        """Count the pending cells."""
        if not self._pending:
            return
        device = self._pending[-1].device
        new = torch.cat([part.to(device) for part in self._pending])
        ones = torch.ones(len(new), dtype=torch.int64, device=device)
        self._reached, self._counts = distinct(
            torch.cat([self._reached.to(device), new]), torch.cat([self._counts.to(device), ones])
        )
        self._pending = ()
