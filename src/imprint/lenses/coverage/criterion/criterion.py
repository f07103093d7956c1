"""What a coverage criterion is, and how one is registered.

A criterion is one file in ``coverage/criteria`` with one decorated class: its settings, what it
counts, its ceiling and how its interval is made. It is fitted once on activations of training data,
takes batches of test activations in any number and order, and returns how much of what could be
covered was covered. Two that saw different inputs merge into one that saw both. What it was fitted
to never changes after the fit.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.neurons.activations import ActivationTable, Batch, Layers

T = TypeVar("T")
Kind = TypeVar("Kind", bound="type[Criterion]")
Family = Literal["cells", "neurons", "layers", "surprise"]
FAMILIES: tuple[Family, ...] = ("cells", "neurons", "layers", "surprise")
"""In the order of the report."""


class Criterion(ABC):
    """How much of a network some inputs exercise.

    Attributes:
        name: as registered; the report shows it in capitals.
        meaning: what is counted, for the report.
        family: which criteria it stands beside in the report.
        Options: a frozen dataclass of the criterion's own settings.
        reads_training: whether :meth:`fit` must be called before :meth:`update`.
        reads_labels: whether batches need labels.
        order_free: whether the value is the same for every order and batch size of the inputs;
            may depend on the options.
        interval: how the interval over the choice of inputs is made: of ``counts`` of distinct
            marks (:mod:`imprint.lenses.coverage.measure.count_interval`), which :meth:`marks`
            gives; by ``groups`` of inputs (:mod:`imprint.lenses.coverage.measure.jackknife`); or
            None, for the reason ``without_interval``. ``benchmarks/coverage_intervals.py`` must
            show that it covers.
        diminishing: whether the gain of an input never rises as more inputs are seen, from the
            first one on.
        costly: whether an update costs about as much as the network or more (surprise).
        inputs: how many inputs were seen.
    """

    name: ClassVar[str] = "criterion"
    meaning: ClassVar[str] = ""
    family: ClassVar[Family] = "layers"
    Options: ClassVar[type]
    reads_training: ClassVar[bool] = False
    reads_labels: ClassVar[bool] = False
    order_free: bool = True
    diminishing: ClassVar[bool] = False
    costly: ClassVar[bool] = False
    interval: ClassVar[Literal["counts", "groups"] | None] = None
    without_interval: ClassVar[str] = "no method is known to cover its expected value"

    def __init__(self, layers: Layers, options: Any = None) -> None:
        """Make one that saw nothing.

        Raises:
            ImprintError: the layers are such that nothing could ever be covered.
        """
        self.layers = layers
        self.options = self.Options() if options is None else options
        self.inputs = 0
        self.reset()

    def fit(self, train: ActivationTable) -> None:  # noqa: B027  # nothing to learn is a fit
        """Learn from activations of training data what to look for; most criteria need none.

        Raises:
            ImprintError: too little data, labels that are missing, or a value that is not finite.
        """

    def fresh(self) -> Self:
        """Return one with the same fit that saw nothing yet; it shares what was fitted."""
        other = copy.copy(self)
        other.inputs = 0
        other.reset()
        return other

    @abstractmethod
    def reset(self) -> None:
        """Replace the state by that of a criterion that saw nothing; never change it in place."""

    def update(self, batch: Batch) -> None:
        """See more inputs; none is allowed.

        Raises:
            ImprintError: an activation is not finite, a label is missing or of no known class, or
                a criterion that reads training data was not fitted.
        """
        if not len(batch):
            return
        batch.require_finite()
        self.add(batch)
        self.inputs += len(batch)

    @abstractmethod
    def add(self, batch: Batch) -> None:
        """Take the inputs of a batch into the state."""

    @abstractmethod
    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``.

        The state stays as it is.
        """

    def merge(self, other: Self) -> None:
        """See what another one with the same fit saw; the other stays as it is."""
        self.inputs += other.inputs
        self.join(other)

    @abstractmethod
    def join(self, other: Self) -> None:
        """Take the state of another one into this one's."""

    @abstractmethod
    def value(self) -> float:
        """Return the coverage of all inputs seen."""

    def marks(self, batch: Batch) -> Tensor:
        """Return the different marks that each input sets, int64 ``[b, w]``.

        ``NO_MARK`` fills up rows of fewer. The value is the number of different marks of all
        inputs times ``unit``. Only where ``interval`` is ``counts``.
        """
        raise NotImplementedError

    def mark_count(self) -> int | None:
        """Return how marks are numbered, 0 … count − 1; None where any int64 may be one."""
        return None

    @property
    def unit(self) -> float:
        """By how much one mark raises the value."""
        return 1.0

    @property
    def burst(self) -> float:
        """How many marks a rare input sets alone, as far as the fit knows; 1 where it does not."""
        return 1.0

    @abstractmethod
    def ceiling(self, inputs: int) -> float | None:
        """Return the largest value of a number of inputs; None where nothing bounds it."""

    def published_ratio(self, value: float, inputs: int) -> float:
        """Return a value on the scale on which WISDOM compares criteria, in [0, 1].

        Shares stay as they are. To compare criteria soundly, divide by :meth:`ceiling`.
        """
        return min(max(value, 0.0), 1.0)

    def state_dict(self) -> dict[str, Tensor]:
        """Return fit and state as tensors, for :meth:`load_state_dict`."""
        return {**self.tensors(), "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.restore(state)
        self.inputs = int(state["inputs"])

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return fit and state without the number of inputs."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set fit and state from what :meth:`tensors` returned."""


def fitted(fit: T | None, name: str) -> T:
    """Return what a fit learned.

    Raises:
        ImprintError: there was no fit.
    """
    if fit is None:
        raise ImprintError(f"{name} reads training data: call fit, or load a state, first")
    return fit


CRITERIA: Registry[type[Criterion]] = Registry(
    "criterion", "imprint.lenses.coverage.criteria", group="imprint.criteria"
)


def criterion(name: str, meaning: str) -> Callable[[Kind], Kind]:
    """Return a decorator that registers a class of criteria.

    Args:
        name: by which it is chosen.
        meaning: what is counted, in a few words for the report.
    """

    def register(kind: Kind) -> Kind:
        kind.name, kind.meaning = name, meaning
        CRITERIA.register(name)(kind)
        return kind

    return register
