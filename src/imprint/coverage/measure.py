"""Several coverage criteria measured in one pass over the test activations, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.activations import ActivationTable, Batch
from imprint.coverage.criterion import Criterion
from imprint.coverage.jackknife import interval, whole_and_rests
from imprint.errors import ImprintError

GROUPS = 20
FEWEST_GROUPS = 5
LARGEST_BATCH = 4096


@dataclass(frozen=True)
class Finding:
    """What one criterion says of a test set.

    Attributes:
        value: the coverage.
        ceiling: what no set of as many inputs exceeds; None where nothing bounds it.
        ci95: interval over the choice of inputs, or why there is none.
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

    Each batch goes to one group in turn, for the interval; the inputs should come in no order
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
    states = {
        name: [criterion.fresh() for _ in range(groups if criterion.order_free else 1)]
        for name, criterion in criteria.items()
    }
    count = 0
    for place, batch in enumerate(batches):
        for parts in states.values():
            parts[place % len(parts)].update(batch)
        count += len(batch)
    if not count:
        raise ImprintError("no test inputs were given: coverage needs at least one")
    return {name: _finding(parts, count) for name, parts in states.items()}


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


def _finding(parts: list[Criterion], count: int) -> Finding:
    seen = [part for part in parts if part.inputs]
    whole, rests = (seen[0], []) if len(parts) == 1 else whole_and_rests(seen)
    value, ceiling = whole.value(), whole.ceiling(count)
    ci95: tuple[float, float] | str
    if len(parts) == 1:
        ci95 = "its value depends on the order of the inputs"
    elif len(seen) < min(FEWEST_GROUPS, len(parts)):
        ci95 = f"the inputs came in {len(seen)} batches: an interval needs at least {FEWEST_GROUPS}"
    else:
        ci95 = interval(value, rests, ceiling)
    return Finding(value, ceiling, ci95, count, whole)
