"""A coverage criterion on arrays of activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.array_arguments import Activations, layer_widths, table_of
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.nets.tensor_file import read_tensor_file, write_tensor_file
from imprint.neurons.activations import ActivationTable, Layers
from imprint.study.finding import from_json, to_json

KIND, VERSION = "coverage criterion", 1
SAVE_AGAIN = "give the file that save of a coverage criterion wrote"


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

    def save(self, path: str | Path) -> None:
        """Write settings, fit and what it saw to one file, for :func:`load_criterion`.

        Args:
            path: ``NAME.safetensors``; nothing in it is pickled.

        Raises:
            ImprintError: it saw and learned nothing, another suffix, or a folder that cannot be
                written.
        """
        path = Path(path)
        if path.suffix != ".safetensors":
            raise ImprintError(f"a criterion is written as NAME.safetensors, not as {path.name}")
        if self._layers is None:
            raise ImprintError(f"{self.name} has no layers yet: call fit or update first")
        card = _Card(self.name, to_json(self.options), self._layers)
        write_tensor_file(path, KIND, VERSION, to_json(card), self._criterion.state_dict())

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


@dataclass(frozen=True)
class _Card:
    name: str
    options: Mapping[str, Any]
    layers: Layers


def load_criterion(path: str | Path) -> CoverageCriterion:
    """Return the criterion that :meth:`CoverageCriterion.save` wrote, with what it saw.

    Raises:
        ImprintError: no such file, damaged, or of another kind or version.
    """
    file = read_tensor_file(Path(path), KIND, VERSION, SAVE_AGAIN)
    card = from_json(_Card, file.facts, str(path))
    options: Any = from_json(CRITERIA.get(card.name).Options, card.options, str(path))
    loaded = CoverageCriterion(card.name, options)
    try:
        loaded._start(card.layers)
        loaded._criterion.load_state_dict(file.tensors)
    except ImprintError:
        raise
    except Exception as error:  # tensors of other types and shapes raise what torch makes of them
        raise ImprintError(
            f"{path} holds no {KIND} ({type(error).__name__}: {error}): {SAVE_AGAIN}"
        ) from error
    return loaded
