"""Activations of a network: one number per neuron and input, and which layer each neuron is in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError

T = TypeVar("T")


@dataclass(frozen=True)
class Layers:
    """The layers of a network that are looked at, in the order in which an input passes them.

    Attributes:
        names: module path, with ``#1``, ``#2`` … behind it for further calls of the same module.
        widths: how many neurons each has.
        kinds: class of each module, as ``Conv2d``; empty where unknown.

    >>> layers = Layers(("conv1", "fc"), (6, 10))
    >>> layers.neurons, layers.slices["fc"]
    (16, slice(6, 16, None))
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    kinds: tuple[str, ...] = ()

    @property
    def neurons(self) -> int:
        """How many neurons there are in all."""
        return sum(self.widths)

    @property
    def slices(self) -> dict[str, slice]:
        """Where the neurons of each layer stand among all."""
        ends = np.cumsum((0, *self.widths)).tolist()
        return {
            name: slice(start, end)
            for name, start, end in zip(self.names, ends, ends[1:], strict=False)
        }


class Remembering:
    """What several readers work out of the same values is worked out once."""

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Return what ``compute`` gives, which all who ask for ``name`` share."""
        remembered: dict[str, T] = self.__dict__.setdefault("_remembered", {})
        if name not in remembered:
            remembered[name] = compute()
        return remembered[name]


@dataclass(frozen=True, eq=False)
class Batch(Remembering):
    """Activations of some inputs.

    Attributes:
        layers: of the network.
        values: float32 ``[b, neurons]``, the layers side by side, on any device; float64 where
            the table of them is.
        labels: int64 ``[b]``, the given class of each input; None where unknown.
    """

    layers: Layers
    values: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def of(self, name: str) -> Tensor:
        """Return the neurons of one layer, ``[b, width]``."""
        return self.values[:, self.layers.slices[name]]

    def by_layer(self) -> Iterator[Tensor]:
        """Yield the neurons of each layer in turn, ``[b, width]``."""
        yield from torch.split(self.values, list(self.layers.widths), dim=1)

    def rows(self, chosen: Tensor | slice) -> Batch:
        """Return some of the inputs."""
        labels = None if self.labels is None else self.labels[chosen]
        return Batch(self.layers, self.values[chosen], labels)

    @cached_property
    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest activation of each neuron, ``[neurons]`` each; not for no inputs."""
        return self.values.amin(0), self.values.amax(0)

    def require_finite(self) -> None:
        """Refuse activations that are not numbers.

        Raises:
            ImprintError: some are infinite or NaN.
        """
        # A sum is finite only where all its terms are; finite ones may yet overflow.
        if math.isfinite(float(self.values.sum())):
            return
        low, high = self.extremes
        if not bool(torch.isfinite(low).all() & torch.isfinite(high).all()):
            bad = int((~torch.isfinite(self.values)).any(1).sum())
            raise ImprintError(
                f"{bad} of {len(self)} inputs have activations that are infinite or not a number: "
                "leave these inputs out, or look for the layer that overflows"
            )


@dataclass(frozen=True, eq=False)
class ActivationTable(Remembering):
    """Activations of a whole data set, kept to ask again without the network.

    Attributes:
        layers: of the network.
        values: float16, float32 or float64 ``[n, neurons]``; may be a memory map. All that is asked
            of float64 is computed in float64.
        labels: int64 ``[n]``; None where unknown.
        index: int64 ``[n]``, which images they are.
        predictions: int64 ``[n]``, the class the network names; None where not computed.
        facts: worth knowing, as JSON values.
    """

    layers: Layers
    values: NDArray[np.float16] | NDArray[np.float32] | NDArray[np.float64]
    labels: NDArray[np.int64] | None = None
    index: NDArray[np.int64] | None = None
    predictions: NDArray[np.int64] | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def precision(self) -> type[np.float32] | type[np.float64]:
        """What is computed with: float64 where the values are, else float32."""
        return np.float64 if self.values.dtype == np.float64 else np.float32

    def batch(self, rows: NDArray[np.int64] | slice) -> Batch:
        """Return some inputs as a batch on the CPU."""
        labels = None if self.labels is None else torch.from_numpy(self.labels[rows])
        values = np.asarray(self.values[rows], dtype=self.precision)
        return Batch(self.layers, torch.from_numpy(values), labels)

    def batches(self, size: int = 4096) -> Iterator[Batch]:
        """Yield the inputs in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.batch(slice(start, start + size))

    def columns(self, neurons: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
        """Return the activations of some neurons, numbered among all, ``[n, m]``."""
        return np.ascontiguousarray(self.values[:, neurons], dtype=self.precision)
