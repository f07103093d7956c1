"""What further inputs add to a criterion that has seen some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.measure import fit, make_criteria
from imprint.neurons.activations import ActivationTable

BATCH = 1024


def ready_criteria(
    settings: Mapping[str, Any], train: ActivationTable | None, tests: ActivationTable
) -> tuple[dict[str, Criterion], dict[str, str]]:
    """Return the criteria that can be measured, fitted, by name; and why others cannot."""
    criteria, missing = make_criteria(settings, train, tests)
    missing |= fit(criteria, train)
    return {name: criteria[name] for name in sorted(criteria.keys() - missing.keys())}, missing


def seen(
    criterion: Criterion, table: ActivationTable, rows: NDArray[np.int64] | None = None
) -> Criterion:
    """Return a criterion of the same fit that saw some inputs, in order.

    Args:
        criterion: fitted; it stays as it is.
        table: activations.
        rows: which inputs; None for all.
    """
    return _shown(criterion.fresh(), table, rows)


def with_more(
    state: Criterion, table: ActivationTable, rows: NDArray[np.int64] | None = None
) -> Criterion:
    """Return what a criterion becomes with further inputs; it stays as it is.

    See :func:`seen` for the arguments.
    """
    both = state.fresh()
    both.merge(state)
    return _shown(both, table, rows)


def mark_of(criterion: Criterion) -> float | None:
    """Return by how much one mark raises the value; None where the criterion counts none.

    Marks are cells, sections, neurons or patterns: whole things that are reached or not.
    """
    counts = criterion.interval == "counts" or criterion.mark_count() is not None
    return criterion.unit if counts else None


def _shown(
    criterion: Criterion, table: ActivationTable, rows: NDArray[np.int64] | None
) -> Criterion:
    rows = np.arange(len(table)) if rows is None else rows
    for start in range(0, len(rows), BATCH):
        criterion.update(table.batch(rows[start : start + BATCH]))
    return criterion
