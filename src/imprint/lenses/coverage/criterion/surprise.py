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
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion, fitted
from imprint.lenses.coverage.criterion.moments import training_moments
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Batch, Layers

LEAST_VARIANCE = 1e-5
FIT = "fit."

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class SurpriseOptions:
    """How degrees of surprise are told apart."""

    criterion: ClassVar[str] = "surprise"

    width: float = 1.0
    """Width of a bucket."""

    upper: float = 0.0
    """Upper end of what is cut into sections; 0 counts buckets instead."""

    sections: int = 1000
    """Sections that (0, upper] is cut into."""

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ImprintError(f"{self.criterion}.width is {self.width}: it must be positive")
        if not self.upper >= 0:
            raise ImprintError(f"{self.criterion}.upper is {self.upper}: it must not be negative")
        if self.sections < 1:
            raise ImprintError(f"{self.criterion}.sections is {self.sections}: take at least one")


class Surprise(Criterion):
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
    interval = "counts"
    learned: Mapping[str, Tensor] | None = None

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        self.name: str = self.options.criterion
        self.reset()

    def reset(self) -> None:
        """See nothing yet."""
        self.seen: set[int] = set()

    def fit(self, train: ActivationTable) -> None:
        """Learn the traces of each class.

        Raises:
            ImprintError: labels are missing, a value is not finite, no neuron varies, or a class
                has too few inputs.
        """
        if train.labels is None:
            raise ImprintError(f"{self.name} needs the class of each training input: give labels")
        varying = training_moments(train).variance.numpy() >= LEAST_VARIANCE
        if not varying.any():
            raise ImprintError(f"{self.name} has nothing to go by: no neuron varies in training")
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
        found: NDArray[Any] = fitted(self.learned, self.name)[name].numpy()
        return found

    def surprise(self, batch: Batch) -> NDArray[np.float64]:
        """Return how surprising each input is, float64 ``[b]``.

        Raises:
            ImprintError: labels are missing, or of a class that training data has not.
        """
        known, neurons = self.learned_array("classes"), self.learned_array("neurons")
        if batch.labels is None:
            raise ImprintError(f"{self.name} needs the class of each input: give labels")
        labels = batch.labels.cpu().numpy()
        strangers = np.setdiff1d(labels, known)
        if len(strangers):
            raise ImprintError(
                f"{self.name} has no training inputs of class {strangers[0]}: leave inputs of it "
                "out, or fit to data that has it"
            )
        return self.degrees(batch.values.cpu().numpy()[:, neurons], np.searchsorted(known, labels))

    @property
    def unit(self) -> float:
        """By how much one bucket, or section, raises the value."""
        return 1 / self.options.sections if self.options.upper else 1.0

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

    def _counts(self, bucket: int) -> bool:
        return not self.options.upper or 1 <= bucket <= self.options.sections

    def add(self, batch: Batch) -> None:
        """Note the buckets of the batch."""
        self.seen.update(filter(self._counts, self.buckets(batch).tolist()))

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        buckets = self.buckets(batch).tolist()
        new = [self._counts(bucket) and bucket not in self.seen for bucket in buckets]
        gain = torch.tensor(new, dtype=torch.float64, device=batch.values.device)
        return gain / self.options.sections if self.options.upper else gain

    def join(self, other: Surprise) -> None:
        """Note the buckets that either saw."""
        self.seen = self.seen | other.seen

    def value(self) -> float:
        """Return the number of buckets, or the share of sections."""
        return len(self.seen) / (self.options.sections if self.options.upper else 1)

    def ceiling(self, inputs: int) -> float:
        """Return the number of inputs, or the share of sections that so many reach."""
        if not self.options.upper:
            return float(inputs)
        return min(inputs, self.options.sections) / self.options.sections

    def state_dict(self) -> dict[str, Tensor]:
        """Return what was learned, the buckets, and how many inputs were seen."""
        learned = fitted(self.learned, self.name)
        return {
            **{FIT + name: tensor for name, tensor in learned.items()},
            "buckets": torch.tensor(sorted(self.seen), dtype=torch.int64),
            "inputs": torch.tensor(self.inputs),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.learned = {
            name.removeprefix(FIT): tensor.cpu()
            for name, tensor in state.items()
            if name.startswith(FIT)
        }
        self.seen = set(state["buckets"].tolist())
        self.inputs = int(state["inputs"])
