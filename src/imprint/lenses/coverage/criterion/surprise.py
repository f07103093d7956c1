"""Surprise coverage: how many different degrees of surprise inputs show (Kim, Feldt, Yoo 2019).

A trace is the activations of all neurons whose variance over training data is 1e-5 or more. What
differs between the criteria is the surprise S of a trace, given its class. Two ways to count:

- buckets, the default: the number of distinct ⌊S/width⌋, as NeuraL-Coverage has it;
- sections, where ``upper`` is set: the share of ``sections`` equal parts of (0, upper] that some S
  falls into, as first published.

An input is judged by its given class. Buckets are cut by flooring, so that no two degrees on either
side of 0 share one.
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
from imprint.lenses.coverage.criterion.criterion import fitted
from imprint.lenses.coverage.criterion.marks import Distinct
from imprint.lenses.coverage.criterion.moments import training_moments
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Batch

MIN_VARIANCE = 1e-5
FIT = "fit."

FloatArray = NDArray[np.floating[Any]]
Width = Annotated[float, Bounds(above=0)]
"""Width of a bucket."""


@dataclass(frozen=True)
class SurpriseOptions(Checked):
    """How degrees of surprise are counted."""

    width: Width = 1.0
    """Width of a bucket."""

    upper: Annotated[float, Bounds(least=0)] = 0.0
    """Upper end of the range that is cut into sections; 0 counts buckets instead."""

    sections: Annotated[int, Bounds(least=1)] = 1000
    """Sections that (0, upper] is cut into."""


class Surprise(Distinct):
    """Number of distinct degrees of surprise, or share of sections.

    Attributes:
        seen: buckets, or sections 1 … ``sections``, that some input fell into.
        learned: what was fitted, as named tensors: ``neurons`` int64 ``[A]`` that make up a trace,
            ``classes`` int64 ``[C]`` ascending, and what :meth:`learn` adds.
    """

    Options: ClassVar[type] = SurpriseOptions
    options: SurpriseOptions
    reads_training = True
    reads_labels = True
    costly = True
    family = "surprise"
    learned: Mapping[str, Tensor] | None = None

    def fit(self, train: ActivationTable) -> None:
        """Learn the traces of each class.

        Raises:
            ImprintError: labels are missing, a value is not finite, no neuron varies, or a class
                has too few inputs.
        """
        if train.labels is None:
            raise ImprintError(f"{self.name} needs the class of each training input: give labels")
        varying = training_moments(train).variance.numpy() >= MIN_VARIANCE
        if not varying.any():
            raise ImprintError(f"{self.name} cannot be fitted: no neuron varies in training")
        neurons = np.flatnonzero(varying)
        order = np.argsort(train.labels, kind="stable")
        classes, counts = np.unique(train.labels, return_counts=True)
        traces = train.columns(neurons)[order]
        self.learned = {
            "neurons": torch.from_numpy(neurons),
            "classes": torch.from_numpy(classes),
            **self.learn(np.split(traces, np.cumsum(counts)[:-1]), classes),
        }

    @abstractmethod
    def learn(self, traces: list[FloatArray], classes: IntArray) -> dict[str, Tensor]:
        """Learn from the traces of each class, float32 ``[N_c, A]`` each."""

    @abstractmethod
    def degrees(self, traces: FloatArray, classes: IntArray) -> NDArray[np.float64]:
        """Return the surprise of traces ``[b, A]`` of classes given by position, ``[b]``."""

    def learned_array(self, name: str) -> NDArray[Any]:
        """Return one of the learned arrays."""
        learned: NDArray[Any] = fitted(self.learned, self.name)[name].numpy()
        return learned

    def surprise(self, batch: Batch) -> NDArray[np.float64]:
        """Return how surprising each input is, float64 ``[b]``.

        Raises:
            ImprintError: labels are missing, or of a class that training data has not.
        """
        known, neurons = self.learned_array("classes"), self.learned_array("neurons")
        if batch.labels is None:
            raise ImprintError(f"{self.name} needs the class of each input: give labels")
        labels = batch.labels.cpu().numpy()
        unknown = np.setdiff1d(labels, known)
        if len(unknown):
            raise ImprintError(
                f"{self.name} has no training inputs of class {unknown[0]}: leave inputs of it "
                "out, or fit to data that has it"
            )
        return self.degrees(batch.values.cpu().numpy()[:, neurons], np.searchsorted(known, labels))

    @property
    def total(self) -> int:
        """Sections, or 1 where buckets are counted."""
        return self.options.sections if self.options.upper else 1

    def marks(self, batch: Batch) -> Tensor:
        """Return the bucket of each input, or its section, int64 ``[b, 1]``."""
        buckets = self.buckets(batch)
        if self.options.upper:
            inside = (buckets >= 1) & (buckets <= self.options.sections)
            buckets = np.where(inside, buckets, NO_MARK)
        return torch.from_numpy(buckets)[:, None]

    def buckets(self, batch: Batch) -> IntArray:
        """Return the bucket of each input, or its section, int64 ``[b]``."""
        name = f"{self.name} {self.options} {id(self.learned)}"
        return batch.once(name, lambda: self._find_buckets(batch))

    def _find_buckets(self, batch: Batch) -> IntArray:
        surprise = self.surprise(batch)
        if self.options.upper:
            return np.ceil(surprise / self.options.upper * self.options.sections).astype(np.int64)
        return np.floor(surprise / self.options.width).astype(np.int64)

    def keys(self, batch: Batch) -> list[int | None]:
        """Return the bucket of each input, or its section; None outside all sections."""
        buckets: list[int] = self.buckets(batch).tolist()
        if not self.options.upper:
            return list(buckets)
        return [bucket if 1 <= bucket <= self.options.sections else None for bucket in buckets]

    def ceiling(self, inputs: int) -> float:
        """Return the number of inputs, or the share of sections that they can reach."""
        return min(inputs, self.total) / self.total if self.options.upper else float(inputs)

    def published_ratio(self, value: float, inputs: int) -> float:
        """Return the buckets over the inputs; a share of sections stays as it is."""
        if self.options.upper:
            return value
        return super().published_ratio(value / max(1, inputs), inputs)

    def tensors(self) -> dict[str, Tensor]:
        """Return what was learned, and the buckets."""
        learned = fitted(self.learned, self.name)
        return {
            **{FIT + name: tensor for name, tensor in learned.items()},
            "buckets": torch.tensor(sorted(self.seen), dtype=torch.int64),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set what was learned, and the buckets."""
        self.learned = {
            name.removeprefix(FIT): tensor.cpu()
            for name, tensor in state.items()
            if name.startswith(FIT)
        }
        self.seen = set(state["buckets"].tolist())
