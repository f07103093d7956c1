"""Findings of ``coverage prioritise`` and ``coverage select``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class OrderFinding:
    """How early an order of tests finds misclassified ones.

    Attributes:
        apfd: average percentage of faults detected, in [0, 1]; ½ for a random order.
        normalised: the same on the scale on which the worst order has 0 and the best 1.
        found: share of the faults after 0, 2, 4 … 100 % of the tests.
    """

    apfd: Estimate | Missing
    normalised: Estimate | Missing
    found: tuple[float, ...]


@dataclass(frozen=True)
class PrioritisationFindings:
    """Findings of ``coverage prioritise``.

    Attributes:
        prioritisation: by order; or why there is none.
        tests: how many were ordered.
        faults: misclassified ones; None where the classes of the tests are not known.
    """

    prioritisation: Mapping[str, OrderFinding | Missing]
    tests: int
    faults: int | None

    @property
    def measured(self) -> Mapping[str, OrderFinding]:
        """The orders that there are, the best first where faults are known."""
        known = {k: v for k, v in self.prioritisation.items() if isinstance(v, OrderFinding)}

        def place(name: str) -> tuple[float, str]:
            value = known[name].apfd
            return (0.0 if isinstance(value, Missing) else -value.value, name)

        return {name: known[name] for name in sorted(known, key=place)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why there are no others."""
        return {k: v.missing for k, v in self.prioritisation.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class CoverageCurve:
    """Coverage by number of tests.

    Attributes:
        tests: numbers of tests.
        selected: coverage of so many selected ones.
        random: mean coverage of random sets of as many.
        random_low, random_high: the range of 95 % of these sets.
    """

    tests: tuple[int, ...]
    selected: tuple[float, ...]
    random: tuple[float, ...]
    random_low: tuple[float, ...]
    random_high: tuple[float, ...]


@dataclass(frozen=True)
class SelectionFinding:
    """A selection of tests by a criterion, beside random sets of as many.

    Attributes:
        criterion: its name.
        tests: that were chosen among.
        selected: tests that were chosen.
        value: their coverage.
        value_of_all: coverage of all tests.
        random: coverage of random sets of as many tests, mean and range of 95 % of them.
        exact: whether each was the one of all that adds most.
        curve: of both.
    """

    criterion: str
    tests: int
    selected: int
    value: float
    value_of_all: float
    random: Estimate
    exact: bool
    curve: CoverageCurve


@dataclass(frozen=True)
class SelectionFindings:
    """Findings of ``coverage select``."""

    selection: SelectionFinding
