"""A coverage criterion on arrays of activations."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.array_arguments import Activations, layer_widths, table_of
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.neurons.activations import ActivationTable, Layers


class CoverageCriterion:
    """A coverage criterion on arrays of activations; see :func:`criterion`.

    Attributes:
        name: of the criterion.
        options: a frozen dataclass of its settings.
        inputs: how many inputs it saw.
    """

    def __init__(self, name: str, options: Any) -> None:
        self.name = name
        self.options = options
        self._layers: Layers | None = None
        self._criterion: Criterion

    def fit(self, train: Activations, labels: ArrayLike | None = None) -> Self:
        """Learn from activations of training data what to look for; return itself.

        Args:
            train: activations ``[N, A]``.
            labels: classes ``[N]``, which surprise criteria need.

        Raises:
            ImprintError: activations that do not fit, or data that the criterion cannot use.
        """
        table = table_of(train, labels)
        self._start(table.layers)
        self._criterion.fit(table)
        self._criterion = self._criterion.fresh()
        return self

    def update(self, test: Activations, labels: ArrayLike | None = None) -> Self:
        """Update with further inputs; return itself.

        Args:
            test: activations ``[b, A]`` of the layers of the fit.
            labels: classes ``[b]``, which surprise criteria need.

        Raises:
            ImprintError: activations that do not fit, or a criterion that needs a fit.
        """
        self._criterion_of(table := table_of(test, labels)).update(table.batch(slice(None)))
        return self

    def merge(self, other: CoverageCriterion) -> Self:
        """Merge the inputs of another criterion of the same fit; return itself.

        Raises:
            ImprintError: another criterion, other settings or other layers.
        """
        if (self.name, self.options) != (other.name, other.options):
            raise ImprintError(
                f"{self.name} with {self.options} cannot merge {other.name} with {other.options}: "
                "give two of the same settings and fit"
            )
        if other._layers is not None:
            self._start(other._layers)
            self._criterion.merge(other._criterion)
        return self

    def fresh(self) -> CoverageCriterion:
        """Return a criterion with the same fit and no inputs."""
        copy = CoverageCriterion(self.name, self.options)
        if self._layers is not None:
            copy._layers, copy._criterion = self._layers, self._criterion.fresh()
        return copy

    def gain(self, test: Activations, labels: ArrayLike | None = None) -> FloatArray:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        table = table_of(test, labels)
        gains = self._criterion_of(table).gain(table.batch(slice(None)))
        return np.asarray(gains.numpy(), dtype=np.float64)

    def value(self) -> float:
        """Return the coverage of all inputs seen."""
        return 0.0 if self._layers is None else self._criterion.value()

    def ceiling(self) -> float | None:
        """Return the largest value of as many inputs; None where nothing bounds it."""
        return 0.0 if self._layers is None else self._criterion.ceiling(self.inputs)

    @property
    def inputs(self) -> int:
        """How many inputs it saw."""
        return 0 if self._layers is None else self._criterion.inputs

    def _criterion_of(self, table: ActivationTable) -> Criterion:
        self._start(table.layers)
        return self._criterion

    def _start(self, layers: Layers) -> None:
        if self._layers is None:
            self._criterion = CRITERIA.get(self.name)(layers, self.options)
            self._layers = layers
        elif layers != self._layers:
            raise ImprintError(
                f"{self.name} was fitted to the layers {layer_widths(self._layers)}, got "
                f"{layer_widths(layers)}: give the same layers in the same order"
            )

    def __repr__(self) -> str:
        return f"<{self.name} of {self.inputs} inputs: {self.value():.4g}>"
