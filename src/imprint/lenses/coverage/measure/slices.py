"""Every criterion on slices of the tests: classes, groups, right and wrong predictions.

Criteria are fitted to all training inputs once; each slice is then measured as a test set of its
own. Most criteria rise with every test, so a small slice covers less than a large one alike: a
slice is compared with its ceiling, and intervals are of test sets of its own size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.measure.measure import (
    GROUPS,
    fit,
    make_criteria,
    measure,
    split_into_groups,
)
from imprint.lenses.coverage.measure.seen_tests import MIN_INPUTS, Measurement
from imprint.neurons.activations import ActivationTable
from imprint.stats.estimate import Estimate

MAX_SLICES = 1000
"""Values of one column beyond which it names inputs, not groups."""
Slices = Mapping[str, Mapping[str, IntArray]]


@dataclass(frozen=True)
class SlicedCriterion:
    """One criterion on one slice.

    Attributes:
        value: with the 95 % interval of test sets as large as the slice; without one where the
            criterion has none, or why it was not measured.
        ceiling: the largest value of as many inputs; None where nothing bounds it.
        n: inputs of the slice.
    """

    value: Estimate | float | Missing
    ceiling: float | None
    n: int


def split_by(
    count: int,
    labels: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    groups: ArrayLike | Mapping[str, ArrayLike] | None = None,
) -> dict[str, dict[str, IntArray]]:
    """Return the inputs of each slice, by what its inputs share.

    Args:
        count: M.
        labels: classes ``[M]``.
        correct: bool ``[M]``, whether the network gets each input right.
        groups: texts or whole numbers ``[M]``, or several such columns by name.

    Raises:
        ImprintError: a column of another length or kind, too many values, or no column.
    """
    columns: dict[str, Any] = {"class": labels, "prediction": correct}
    named = groups if isinstance(groups, Mapping) else {"group": groups}
    columns |= {str(name): values for name, values in named.items()}
    columns = {name: np.asarray(values) for name, values in columns.items() if values is not None}
    if not columns:
        raise ImprintError("there are no slices: give test_labels, correct or groups")
    return {name: _by_value(values, count, name) for name, values in columns.items()}


def _by_value(values: Any, count: int, name: str) -> dict[str, IntArray]:
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values.ravel()):
        values = values.astype(str)
    if values.shape != (count,) or values.dtype.kind not in "biuU":
        raise ImprintError(
            f"{name} must be one text or whole number for each of the {count} tests, got "
            f"{values.dtype} {list(values.shape)}"
        )
    if name == "prediction":
        values = np.where(values.astype(bool), "right", "wrong")
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) > MAX_SLICES:
        raise ImprintError(
            f"{name} has {len(distinct)} different values: give a column of at most {MAX_SLICES}"
        )
    return {str(value): np.flatnonzero(codes == code) for code, value in enumerate(distinct)}


def measure_slices(
    train: ActivationTable | None,
    test: ActivationTable,
    slices: Slices,
    options: Mapping[str, Any],
    seed: int,
) -> dict[str, dict[str, dict[str, SlicedCriterion]]]:
    """Return every criterion by grouping and slice; arguments as ``measure_tables``.

    Slices of fewer than ``MIN_INPUTS`` inputs are missing.
    """
    criteria, missing = make_criteria(options, train, test)
    missing |= fit(criteria, train)
    ready = {name: each for name, each in criteria.items() if name not in missing}

    def on(rows: IntArray, purpose: str) -> dict[str, SlicedCriterion]:
        n = len(rows)
        if n < MIN_INPUTS:
            why = f"{n} tests: slices of fewer than {MIN_INPUTS} are not measured"
            return {name: SlicedCriterion(Missing(why), None, n) for name in options}
        order = rows[generator(seed, "coverage slice", purpose).permutation(n)]
        measured: dict[str, Measurement] = {}
        for is_free, ordered in ((True, order), (False, rows)):
            some = {k: v for k, v in ready.items() if v.order_free == is_free}
            if some:
                batches = (test.batch(part) for part in split_into_groups(ordered, GROUPS))
                measured |= measure(some, batches, GROUPS)
        return {
            name: _sliced(measured[name])
            if name in measured
            else SlicedCriterion(Missing(missing[name]), None, n)
            for name in sorted(options)
        }

    return {
        grouping: {name: on(rows, f"{grouping} {name}") for name, rows in parts.items()}
        for grouping, parts in slices.items()
    }


def _sliced(measurement: Measurement) -> SlicedCriterion:
    value: Estimate | float = measurement.value
    if not isinstance(measurement.ci95, Missing):
        value = Estimate(measurement.value, measurement.ci95, measurement.n)
    return SlicedCriterion(value, measurement.ceiling, measurement.n)
