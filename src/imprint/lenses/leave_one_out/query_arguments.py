"""Arrays that a Python caller queries a fit with, checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_whole
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries, queries_like

_MEMORY = Path("arrays")
"""What errors call arrays in memory."""


def rows_of(fit: GaussianFit, rows: ArrayLike, name: str, axes: int = 1) -> IntArray:
    """Return rows of the records, of one axis or at most ``axes``.

    Raises:
        ImprintError: they are none of the fit.
    """
    places, count = np.atleast_1d(as_whole(rows, name)), len(fit.inputs.index)
    if places.ndim > axes or not places.size:
        raise ImprintError(f"{name} must be rows of the records, got shape {list(places.shape)}")
    if not 0 <= places.min() <= places.max() < count:
        raise ImprintError(
            f"{name} must be rows from 0 to {count - 1}, got {places.min()} to {places.max()}"
        )
    return places


def queries_of(fit: GaussianFit, queries: ArrayLike, labels: ArrayLike | None) -> Queries:
    """Return inputs and classes as a fit takes them.

    Raises:
        ImprintError: inputs or classes that do not fit the records.
    """
    inputs = fit.inputs
    values = queries_like(inputs, _MEMORY, as_array(queries, "queries"), None)
    if labels is None:
        return values
    places = {name: place for place, name in enumerate(inputs.classes)}
    known = as_array(labels, "labels")
    if known.shape != (len(values.queries),):
        raise ImprintError(
            f"labels must be [{len(values.queries)}], one an input, got {list(known.shape)}"
        )
    names = [str(label) for label in known.tolist()]
    for row, name in enumerate(names):
        if name not in places:
            raise ImprintError(
                f"labels[{row}] is {name}, not one of the classes of the records: "
                f"{', '.join(inputs.classes)}"
            )
    positions = np.array([places[name] for name in names], dtype=np.int64)
    if positions.shape != (len(values.queries),):
        raise ImprintError(f"{len(positions)} labels do not fit {len(values.queries)} inputs")
    return Queries(values.queries, positions)
