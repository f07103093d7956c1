"""Several coverage criteria measured in one pass over the test activations, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.count_interval import count_interval
from imprint.lenses.coverage.measure.jackknife import interval, whole_and_rests, within_bounds
from imprint.lenses.coverage.measure.tally import Tally
from imprint.neurons.activations import ActivationTable, Batch

GROUPS = 20
FEWEST_GROUPS = 5
FEWEST_INPUTS = 20
LARGEST_BATCH = 4096


@dataclass(frozen=True)
class Finding:
    """What one criterion says of a test set.

    Attributes:
        value: the coverage.
        ceiling: what no set of as many inputs exceeds; None where nothing bounds it.
        ci95: 95 % interval of the expected value over test sets of as many inputs, drawn
            independently from the same population; or why there is none.
        n: inputs seen.
        criterion: the criterion that saw every input, to ask more of it.
    """

    value: float
    ceiling: float | None
    ci95: tuple[float, float] | str
    n: int
    criterion: Criterion

    @property
    def normalised(self) -> float | None:
        """The value as a share of its ceiling; None without one."""
        return self.value / self.ceiling if self.ceiling else None

    def to_dict(self) -> dict[str, object]:
        """Return the finding as JSON values."""
        return {
            "value": self.value,
            "ceiling": self.ceiling,
            "normalised": self.normalised,
            "ci95": {"missing": self.ci95} if isinstance(self.ci95, str) else list(self.ci95),
            "n": self.n,
        }


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
) -> dict[str, Finding]:
    """Measure every criterion in one pass over the inputs.

    For intervals by groups each batch goes to one group in turn; the inputs should come in no order
    that means anything, for batches of one class each make it too wide. A criterion that depends
    on the order sees the batches as they come, and has no interval.

    Args:
        criteria: by name, fitted; they stay as they are.
        batches: of test activations, as :func:`deal` cuts them.
        groups: how many groups.

    Raises:
        ImprintError: no inputs, or fewer than two groups.
    """
    if groups < 2:
        raise ImprintError(f"groups is {groups}: an interval needs at least 2")
    states = {name: _State.of(criterion, groups) for name, criterion in criteria.items()}
    count = 0
    for place, batch in enumerate(batches):
        for state in states.values():
            state.see(batch, place)
        count += len(batch)
    if not count:
        raise ImprintError("no test inputs were given: coverage needs at least one")
    return {name: state.finding(count) for name, state in states.items()}


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

    def finding(self, count: int) -> Finding:
        seen = [part for part in self.parts if part.inputs]
        whole, rests = (seen[0], []) if len(seen) == 1 else whole_and_rests(seen)
        value, ceiling = whole.value(), whole.ceiling(count)
        if not whole.order_free:
            reason = "its value depends on the order of the inputs"
            return Finding(value, ceiling, reason, count, whole)
        if whole.interval is None:
            return Finding(value, ceiling, whole.without_interval, count, whole)
        if count < FEWEST_INPUTS:
            reason = f"an interval needs at least {FEWEST_INPUTS} inputs, and there are {count}"
            return Finding(value, ceiling, reason, count, whole)
        if self.tally is not None:
            low, high = count_interval(value / whole.unit, self.tally.rare(), whole.burst)
            bounds = within_bounds(value, low * whole.unit, high * whole.unit, ceiling)
            return Finding(value, ceiling, bounds, count, whole)
        if len(seen) < min(FEWEST_GROUPS, len(self.parts)):
            reason = (
                f"the inputs came in {len(seen)} batches: an interval needs at least "
                f"{FEWEST_GROUPS}"
            )
            return Finding(value, ceiling, reason, count, whole)
        if max(rests) == min(rests):
            reason = (
                f"leaving out any of {len(rests)} groups of inputs changes nothing, so that its "
                "spread cannot be judged"
            )
            return Finding(value, ceiling, reason, count, whole)
        return Finding(value, ceiling, interval(value, rests, ceiling), count, whole)


def deal(
    rows: NDArray[np.int64], groups: int = GROUPS, most: int = LARGEST_BATCH
) -> list[NDArray[np.int64]]:
    """Return inputs in batches that :func:`measure` deals into groups of equal size.

    Groups differ by one input at most: the jackknife takes each as a draw of the same kind.

    >>> [len(part) for part in deal(np.arange(43))]
    [3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]

    Args:
        rows: int64 ``[n]``, in the order in which inputs come.
        groups: how many groups.
        most: inputs a batch.
    """
    rounds = math.ceil(len(rows) / (groups * most))
    return np.array_split(rows, max(1, min(len(rows), groups * rounds)))
