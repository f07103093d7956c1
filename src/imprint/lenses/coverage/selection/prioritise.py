"""Orders of tests: those that reveal most about a network first, whatever their labels are.

- by how unsure the network is: :mod:`imprint.lenses.coverage.selection.uncertainty`;
- ``CRITERION_total``: by what each test alone covers; ``CRITERION_additional``: by what it adds to
  those before it, greedily, and the tests that add nothing behind them by what they cover alone
  (Rothermel et al. 2001);
- ``CRITERION_surprise``: by the degree of surprise, given the predicted class;
- ``random``.

Labels of tests are never read: criteria that need classes get those the network predicts. Of equal
tests the first comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.surprise import Surprise
from imprint.lenses.coverage.selection.fitted import fitted_criterion
from imprint.lenses.coverage.selection.greedy import Covering
from imprint.lenses.coverage.selection.uncertainty import UNCERTAINTIES
from imprint.neurons.activations import ActivationTable

RANDOM = "random"
TOTAL, ADDITIONAL, SURPRISE = "_total", "_additional", "_surprise"
ALL_ALIKE = "every test alone covers as much as any other"
LEADING = 1000
"""Tests that are ordered by what they add, where gains may rise and each costs a search."""
NO_PROBABILITIES = "the probabilities of the classes are not known"


@dataclass(frozen=True, eq=False)
class Asked:
    """What orders tests.

    Attributes:
        criteria: their settings, by name.
        names: of orders; those of criteria are of :attr:`criteria`.
    """

    criteria: Mapping[str, object]
    names: tuple[str, ...]


def order_names(criteria: Mapping[str, object]) -> list[str]:
    """Return the names of all orders that these criteria allow, sorted."""
    names = [*UNCERTAINTIES, RANDOM]
    for name in criteria:
        names += [name + TOTAL, name + ADDITIONAL]
        if issubclass(CRITERIA.get(name), Surprise):
            names.append(name + SURPRISE)
    return sorted(names)


def choose_orders(names: tuple[str, ...], criteria: Mapping[str, object]) -> Asked:
    """Return the orders of these names, and the criteria they need.

    Raises:
        ImprintError: an unknown order, or one of a criterion that is not among these.
    """
    known = order_names(criteria)
    if not names:
        raise ImprintError("--by is empty: name orders, or all")
    if "all" in names:
        return Asked(criteria, tuple(known))
    for name in names:
        if name not in known:
            raise ImprintError(
                f"--by {name} is no order of the chosen criteria: choose among {', '.join(known)}"
            )
    needed = {
        each: options
        for each, options in criteria.items()
        if any(name.rpartition("_")[0] == each for name in names)
    }
    return Asked(needed, tuple(sorted(set(names))))


def prioritise(
    asked: Asked,
    train: ActivationTable | None,
    tests: ActivationTable,
    probabilities: FloatArray | None,
    seed: int,
) -> Iterator[tuple[str, IntArray | Missing]]:
    """Yield every order by its name: rows of the tests, int64 ``[M]``; or why there is none.

    Args:
        asked: which.
        train: activations on training inputs; None without.
        tests: activations on the tests; their labels are not read.
        probabilities: float64 ``[M, C]`` of the classes; None where they are not known.
        seed: of the random order.
    """
    predictions = tests.predictions if probabilities is None else probabilities.argmax(1)
    unlabelled = replace(tests, labels=predictions)
    for name in asked.names:
        if name == RANDOM:
            yield name, generator(seed, "random order").permutation(len(tests)).astype(np.int64)
        elif name in UNCERTAINTIES:
            if probabilities is None:
                yield name, Missing(NO_PROBABILITIES)
            else:
                yield name, descending(UNCERTAINTIES[name](probabilities))
    for criterion, settings in asked.criteria.items():
        suffixes = [name.removeprefix(criterion) for name in asked.names]
        wanted = [each for each in (TOTAL, ADDITIONAL, SURPRISE) if each in suffixes]
        made = _covering(criterion, settings, train, unlabelled)
        for suffix in wanted:
            yield criterion + suffix, _order_or_reason(made, suffix, seed)


def descending(values: FloatArray) -> IntArray:
    """Return the rows of the largest values first; of equal ones the first row."""
    return np.argsort(-values, kind="stable").astype(np.int64)


def _covering(
    name: str, settings: object, train: ActivationTable | None, tests: ActivationTable
) -> Covering | Missing:
    try:
        return Covering(fitted_criterion(name, settings, train, tests), tests)
    except ImprintError as error:
        return Missing(str(error))


def _order_or_reason(covering: Covering | Missing, suffix: str, seed: int) -> IntArray | Missing:
    if isinstance(covering, Missing):
        return covering
    try:
        if suffix == SURPRISE:
            assert isinstance(covering.criterion, Surprise)
            return descending(covering.criterion.surprise(covering.table.batch(slice(None))))
        return _by_coverage(covering, suffix == ADDITIONAL, seed)
    except ImprintError as error:
        return Missing(str(error))


def _by_coverage(covering: Covering, additional: bool, seed: int) -> IntArray | Missing:
    alone = covering.alone()
    if not additional:
        if np.ptp(alone) == 0:
            return Missing(ALL_ALIKE)
        return descending(alone)
    selected = covering.select(0 if covering.gains_fall else LEADING, seed=seed).order
    by_total = descending(alone)
    return np.concatenate([selected, by_total[~np.isin(by_total, selected)]])
