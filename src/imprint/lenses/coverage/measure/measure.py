"""Coverage criteria measured in one pass over the test activations, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.measure.count_interval import count_interval
from imprint.lenses.coverage.measure.jackknife import interval, whole_and_rests, within_bounds
from imprint.lenses.coverage.measure.tally import Tally
from imprint.neurons.activations import ActivationTable, Batch

GROUPS = 20
MIN_GROUPS = 5
MIN_INPUTS = 20
MAX_BATCH = 4096


@dataclass(frozen=True)
class Measurement:
    """What one criterion measured on a test set.

    Attributes:
        value: the coverage.
        ceiling: the largest value of as many inputs; None where nothing bounds it.
        ci95: 95 % interval of the expected value over test sets of as many inputs, drawn
            independently from the same population; or why there is none.
        n: inputs seen.
        criterion: the criterion that saw every input.
    """

    value: float
    ceiling: float | None
    ci95: tuple[float, float] | Missing
    n: int
    criterion: Criterion

    @property
    def normalised(self) -> float | None:
        """The value as a share of its ceiling; None without one."""
        return self.value / self.ceiling if self.ceiling else None


@dataclass(frozen=True, eq=False)
class MeasuredCriteria:
    """What was measured, and why the other criteria were not, by name of the criterion."""

    measurements: Mapping[str, Measurement]
    missing: Mapping[str, str]


def measure_tables(
    train: ActivationTable | None,
    test: ActivationTable,
    options: Mapping[str, Any],
    seed: int,
    groups: int = GROUPS,
) -> MeasuredCriteria:
    """Fit each criterion to training activations, and measure the test activations.

    Inputs reach criteria in a random order, so that the groups of an interval are alike; the
    few criteria whose value depends on the order see them as they come.

    Args:
        train: of training data; None leaves out the criteria that read it.
        test: of test data.
        options: settings of each criterion by its name.
        seed: of the order.
        groups: of test inputs, for the intervals.

    Raises:
        ImprintError: no test inputs.
    """
    criteria, missing = make_criteria(options, train, test)
    missing |= fit(criteria, train)
    ready = {name: criterion for name, criterion in criteria.items() if name not in missing}
    free = {name: criterion for name, criterion in ready.items() if criterion.order_free}
    order = generator(seed, "coverage order").permutation(len(test))
    batches = (test.batch(rows) for rows in split_into_groups(order, groups))
    measurements = measure(free, batches, groups) if free else {}
    for name in sorted(ready.keys() - free.keys()):
        size = getattr(ready[name].options, "batch_size", MAX_BATCH)
        measurements |= measure({name: ready[name]}, test.batches(size), groups)
    return MeasuredCriteria(measurements, missing)


def make_criteria(
    options: Mapping[str, Any], train: ActivationTable | None, test: ActivationTable
) -> tuple[dict[str, Criterion], dict[str, str]]:
    """Return new criteria for a network, and why some cannot be made for it or for its inputs."""
    criteria: dict[str, Criterion] = {}
    missing: dict[str, str] = {}
    for name, settings in options.items():
        try:
            criterion = CRITERIA.get(name)(test.layers, settings)
            _require_labels(criterion, train, test)
            criteria[name] = criterion
        except ImprintError as error:
            missing[name] = str(error)
    return criteria, missing


def _require_labels(
    criterion: Criterion, train: ActivationTable | None, test: ActivationTable
) -> None:
    """Refuse inputs without the labels that a criterion reads."""
    if not criterion.reads_labels or (train is None and criterion.reads_training):
        return
    if test.labels is None or (train is not None and train.labels is None):
        part = "test" if test.labels is None else "training"
        raise ImprintError(f"the classes of the {part} inputs are not known")
    if train is None or train.labels is None:
        return
    unknown = np.setdiff1d(test.labels, train.labels)
    if len(unknown):
        raise ImprintError(f"no training input has class {unknown[0]}, which test inputs have")


def fit(criteria: Mapping[str, Criterion], train: ActivationTable | None) -> dict[str, str]:
    """Fit every criterion that reads training data; return why some could not be.

    Args:
        criteria: by name.
        train: activations of training data; None where there are none.

    Returns:
        The reason by name, of those criteria alone that must be left out.
    """
    reasons = {}
    for name, criterion in criteria.items():
        if not criterion.reads_training:
            continue
        if train is None:
            reasons[name] = "no activations of training data were given"
            continue
        try:
            criterion.fit(train)
        except ImprintError as error:
            reasons[name] = str(error)
    return reasons


def measure(
    criteria: Mapping[str, Criterion], batches: Iterable[Batch], groups: int = GROUPS
) -> dict[str, Measurement]:
    """Measure every criterion in one pass over the inputs.

    For intervals by groups each batch goes to one group in turn; the inputs should come in no order
    that means anything, for batches of one class each make it too wide. A criterion that depends
    on the order sees the batches as they come, and has no interval.

    Args:
        criteria: by name, fitted; they stay as they are.
        batches: of test activations, as :func:`split_into_groups` cuts them.
        groups: how many groups.

    Raises:
        ImprintError: no inputs, or fewer than two groups.
    """
    if groups < 2:
        raise ImprintError(f"groups must be at least 2, got {groups}")
    states = {name: _State.of(criterion, groups) for name, criterion in criteria.items()}
    count = 0
    for place, batch in enumerate(batches):
        for state in states.values():
            state.see(batch, place)
        count += len(batch)
    if not count:
        raise ImprintError("no test inputs were given: coverage needs at least one")
    return {name: state.measurement(count) for name, state in states.items()}


@dataclass(frozen=True, eq=False)
class _State:
    """What one criterion saw, and what its interval needs.

    Attributes:
        parts: the criterion itself, or one for each group of inputs.
        tally: of the marks that are counted; None where the interval is made otherwise.
    """

    parts: list[Criterion]
    tally: Tally | None

    @classmethod
    def of(cls, criterion: Criterion, groups: int) -> _State:
        by_groups = criterion.order_free and criterion.interval == "groups"
        counts = criterion.order_free and criterion.interval == "counts"
        return cls(
            [criterion.fresh() for _ in range(groups if by_groups else 1)],
            Tally(criterion.mark_count()) if counts else None,
        )

    def see(self, batch: Batch, place: int) -> None:
        part = self.parts[place % len(self.parts)]
        part.update(batch)
        if self.tally is not None and len(batch):
            self.tally.add(part.marks(batch))

    def measurement(self, count: int) -> Measurement:
        seen = [part for part in self.parts if part.inputs]
        whole, rests = (seen[0], []) if len(seen) == 1 else whole_and_rests(seen)
        value, ceiling = whole.value(), whole.ceiling(count)
        reason = self._without_interval(whole, count, rests)
        if reason is not None:
            return Measurement(value, ceiling, Missing(reason), count, whole)
        if self.tally is None:
            return Measurement(value, ceiling, interval(value, rests, ceiling), count, whole)
        low, high = count_interval(value / whole.unit, self.tally.rare(), whole.burst)
        bounds = within_bounds(value, low * whole.unit, high * whole.unit, ceiling)
        return Measurement(value, ceiling, bounds, count, whole)

    def _without_interval(self, whole: Criterion, count: int, rests: list[float]) -> str | None:
        """Return why there is no interval; None where there is one."""
        if not whole.order_free:
            return "its value depends on the order of the inputs"
        if whole.interval is None:
            return whole.without_interval
        if count < MIN_INPUTS:
            return f"an interval needs at least {MIN_INPUTS} inputs, and there are {count}"
        if self.tally is not None:
            return None
        seen = sum(part.inputs > 0 for part in self.parts)
        if seen < min(MIN_GROUPS, len(self.parts)):
            return f"the inputs came in {seen} batches: an interval needs at least {MIN_GROUPS}"
        if max(rests) == min(rests):
            return (
                f"leaving out any of {len(rests)} groups of inputs changes nothing, so that its "
                "spread cannot be judged"
            )
        return None


def split_into_groups(
    rows: IntArray, groups: int = GROUPS, largest: int = MAX_BATCH
) -> list[NDArray[np.int64]]:
    """Return inputs in batches that :func:`measure` assigns to groups of equal size.

    Groups differ by one input at most: the jackknife takes each as a draw of the same kind.

    >>> [len(part) for part in split_into_groups(np.arange(43))]
    [3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]

    Args:
        rows: int64 ``[n]``, in the order in which inputs come.
        groups: how many groups.
        largest: inputs a batch.
    """
    rounds = math.ceil(len(rows) / (groups * largest))
    return np.array_split(rows, max(1, min(len(rows), groups * rounds)))
