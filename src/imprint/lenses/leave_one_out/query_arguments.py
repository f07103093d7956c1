"""Arrays that a Python caller queries a fit with, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_numbers, as_whole
from imprint.lenses.leave_one_out.array_fit import KernelFunction
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries, queries_like
from imprint.lenses.leave_one_out.study.kernel_matrix import kernel_queries

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


def rows_of_groups(fit: GaussianFit, groups: Mapping[str, ArrayLike]) -> dict[str, IntArray]:
    """Return rows of the records of each group by its name.

    Raises:
        ImprintError: groups without names, or rows that are none of the fit.
    """
    if not isinstance(groups, Mapping):
        raise ImprintError(
            "groups must be a mapping of rows by name, such as {'first': [0, 1]}, got "
            f"{type(groups).__name__}"
        )
    return {str(name): rows_of(fit, rows, f"group {name}") for name, rows in groups.items()}


def check_inputs(fit: GaussianFit, method: str) -> None:
    """Refuse searches and lines of fits without inputs or classes.

    Raises:
        ImprintError: the kernel is a matrix or a function, or targets are real values.
    """
    if fit.kernel_settings["name"] == "given" or fit.inputs.kind != "classes":
        raise ImprintError(
            f"{method} needs a kernel of inputs with classes, not the kernel given, a function or "
            "real values"
        )


def queries_of(
    fit: GaussianFit,
    queries: ArrayLike,
    labels: ArrayLike | None,
    variances: ArrayLike | None = None,
    function: KernelFunction | None = None,
) -> Queries:
    """Return inputs and classes, or real values, as a fit takes them.

    Args:
        fit: of the records.
        queries: inputs ``[q, ...]``; of the kernel given their kernel with the records ``[q, n]``.
        labels: classes ``[q]``, or real values ``[q]`` or ``[q, c]``.
        variances: of the kernel given, that of each with itself, ``[q]``.
        function: the caller's kernel, where it is one.

    Raises:
        ImprintError: inputs, classes or values that do not fit the records.
    """
    inputs = fit.inputs
    values = _inputs_of(fit, as_array(queries, "queries"), variances, function)
    if labels is not None and inputs.kind == "values":
        return replace(values, targets=_real_values(fit, labels, len(values.queries)))
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


def _inputs_of(
    fit: GaussianFit,
    queries: NDArray[Any],
    variances: ArrayLike | None,
    function: KernelFunction | None,
) -> Queries:
    is_given = fit.kernel_settings["name"] == "given"
    if variances is not None and (not is_given or function is not None):
        raise ImprintError("variances apply to the kernel given alone: leave them out")
    if function is not None:
        return function.queries(queries, fit.inputs.index)
    if not is_given:
        return queries_like(fit.inputs, _MEMORY, queries, None)
    cross = as_numbers(queries, "queries")
    if variances is None:
        raise ImprintError("queries of the kernel given need their variances k(q, q), [q]")
    own = as_numbers(variances, "variances")
    if cross.ndim != 2 or own.shape != (len(cross),) or not len(own):
        raise ImprintError(
            f"queries {list(cross.shape)} and variances {list(own.shape)} do not fit: give [q, n] "
            "and [q]"
        )
    if not (np.isfinite(cross).all() and np.isfinite(own).all()):
        raise ImprintError("the kernel of the queries is not finite: compute it again")
    inputs = fit.inputs
    where, name = str(_MEMORY), "kernel_queries"
    return Queries(kernel_queries(cross, own, inputs.index, where, name, inputs.values))


def _real_values(fit: GaussianFit, targets: ArrayLike, count: int) -> FloatArray:
    """Return real values of queries as fitted, ``[q, c]``."""
    values, outputs = as_numbers(targets, "labels"), len(fit.units.scale)
    values = values[:, None] if values.ndim == 1 else values
    if values.shape != (count, outputs) or not np.isfinite(values).all():
        raise ImprintError(
            f"labels have shape {list(values.shape)}, expected finite numbers [{count}, {outputs}]"
        )
    return fit.units.to_fit(values)
