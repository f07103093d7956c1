"""Records of an array file whose targets are real values, or whose kernel is a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import FitOptions
from imprint.lenses.leave_one_out.posterior.target_units import (
    TargetUnits,
    no_units,
    standardised,
)
from imprint.lenses.leave_one_out.study.axes import channels_first, image_axes
from imprint.lenses.leave_one_out.study.inputs import (
    SCALE,
    Inputs,
    Queries,
    check_counts,
    draw_records,
    positions,
    queries_like,
)
from imprint.lenses.leave_one_out.study.kernel_matrix import kernel_inputs, kernel_queries
from imprint.lenses.leave_one_out.study.query_files import read_query_file
from imprint.lenses.leave_one_out.target_options import TargetScaling
from imprint.study.array_file import array, arrays_from, read_any_npz

GIVEN = "given"
T = TypeVar("T")
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class InputArrays:
    """Inputs of the records."""

    x: FloatArray = array("n ...", "inputs of the records", kind="float", remedy=SCALE)
    queries: FloatArray | None = array(
        "q ...", "further inputs", kind="float", optional=True, remedy=SCALE
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelArrays:
    """A kernel matrix in place of inputs."""

    kernel: NDArray[Any] = array("n _", "kernel of the records with themselves", dtype=None)
    kernel_queries: FloatArray | None = array(
        "q n", "kernel of further inputs with the records", optional=True,
        needs=("kernel_query_diagonal",),
    )  # fmt: skip
    kernel_query_diagonal: FloatArray | None = array(
        "q", "kernel of each with itself", optional=True, needs=("kernel_queries",)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassArrays:
    """Classes of the records."""

    y: IntArray = array("n", "classes of the records", kind="whole")
    query_labels: IntArray | None = array(
        "q", "classes of the queries", kind="whole", optional=True
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueArrays:
    """Real-valued targets of the records."""

    y: FloatArray = array("n c", "targets of the records")
    query_targets: FloatArray | None = array("q c", "targets of the queries", optional=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelQueryArrays:
    """Queries of a fit whose kernel is a matrix."""

    kernel_queries: FloatArray = array("q n", "kernel of the queries with the records")
    kernel_query_diagonal: FloatArray = array("q", "kernel of each with itself")


@dataclass(frozen=True, kw_only=True, eq=False)
class InputQueryArrays:
    """Queries of a fit of real values."""

    queries: NDArray[Any] = array("q ...", "inputs", dtype=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryTargetArrays:
    """Targets of queries."""

    query_targets: FloatArray | None = array("q c", "their targets", optional=True)
    query_labels: IntArray | None = array("q", "their classes", kind="whole", optional=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelAddedArrays:
    """Records to add to a fit whose kernel is a matrix."""

    kernel_added: FloatArray = array("m n", "kernel of the records with those of the fit")
    kernel_added_diagonal: FloatArray = array("m", "kernel of each with itself")


@dataclass(frozen=True, kw_only=True, eq=False)
class InputAddedArrays:
    """Records to add to a fit of real values."""

    x: NDArray[Any] = array("m ...", "inputs", dtype=None)


TARGETS = ("y", "query_labels", "query_targets")


def is_special(options: FitOptions) -> bool:
    """Return whether an array file is read here: real values, or a kernel matrix."""
    return options.targets == "values" or options.kernel == GIVEN


def read_special_records(options: FitOptions, file: Path) -> tuple[Inputs, Queries | None]:
    """Return the records of a file and the queries beside them.

    Raises:
        ImprintError: arrays that cannot be used, or options that do not apply to them.
    """
    for name in ("classes", "composition"):
        if getattr(options, name) != getattr(FitOptions(out=Path()), name):
            raise ImprintError(
                f"--{name} applies to inputs with classes, not to --kernel given or --targets "
                "values: leave it out"
            )
    where, arrays = str(file), read_any_npz(file)
    if options.targets == "values":
        arrays = _as_columns(arrays)
    known = {name: values for name, values in arrays.items() if name not in TARGETS}
    wanted = {name: values for name, values in arrays.items() if name in TARGETS}
    if options.kernel == GIVEN:
        kernel = arrays_from(KernelArrays, known, where)
        count = len(kernel.kernel)
    else:
        inputs = arrays_from(InputArrays, known, where)
        count = len(inputs.x)
    index = draw_records(count, options.records, options.seed)
    part = _target_part(options, wanted, index, count, where)
    axes = None
    if options.kernel == GIVEN:
        values = kernel_inputs(kernel.kernel, index, where)
        raw: NDArray[Any] = values[:, 1:]
    else:
        axes = image_axes(file, inputs.x, options.kernel, options.channels)
        values = (inputs.x if axes is None else channels_first(inputs.x, axes))[index]
        raw = values
    records = Inputs(
        index,
        values,
        part.labels,
        part.names,
        raw,
        axes=axes,
        targets=part.targets,
        kind="classes" if part.targets is None else "values",
        units=part.units,
    )
    if options.kernel != GIVEN:
        queries = inputs.queries
        asked = None if queries is None else queries_like(records, file, queries, None)
        return records, _with_targets(records, asked, wanted, where)
    cross, own = kernel.kernel_queries, kernel.kernel_query_diagonal
    if cross is None or own is None:
        return records, _with_targets(records, None, wanted, where)
    asked = Queries(kernel_queries(cross, own, index, where, "kernel_queries", values))
    return records, _with_targets(records, asked, wanted, where)


def read_special_queries(inputs: Inputs, kernel: str, file: Path) -> Queries:
    """Return queries of a fit of real values or of a kernel matrix.

    Raises:
        ImprintError: arrays that do not fit the records.
    """
    where, arrays = str(file), _as_columns(read_query_file(file))
    known = {name: values for name, values in arrays.items() if name not in TARGETS}
    if kernel == GIVEN:
        part = arrays_from(KernelQueryArrays, known, where)
        cross, own = part.kernel_queries, part.kernel_query_diagonal
        asked = Queries(
            kernel_queries(cross, own, inputs.index, where, "kernel_queries", inputs.values)
        )
    else:
        asked = queries_like(
            inputs, file, arrays_from(InputQueryArrays, known, where).queries, None
        )
    wanted = {name: values for name, values in arrays.items() if name in TARGETS}
    queries = _with_targets(inputs, asked, wanted, where)
    assert queries is not None
    return queries


def read_special_additions(inputs: Inputs, kernel: str, file: Path) -> Queries:
    """Return records that are added to a fit of real values or of a kernel matrix.

    Raises:
        ImprintError: arrays that do not fit the records.
    """
    where, arrays = str(file), _as_columns(read_any_npz(file))
    known = {name: values for name, values in arrays.items() if name != "y"}
    if "y" not in arrays:
        raise ImprintError(f"{where} has no array 'y': records that are added have targets")
    if kernel == GIVEN:
        part = arrays_from(KernelAddedArrays, known, where)
        cross, own = part.kernel_added, part.kernel_added_diagonal
        asked = Queries(
            kernel_queries(cross, own, inputs.index, where, "kernel_added", inputs.values)
        )
    else:
        values = arrays_from(InputAddedArrays, known, where).x
        asked = queries_like(inputs, file, values, None, ("x", "y"))
    name = "query_labels" if inputs.kind == "classes" else "query_targets"
    wanted = arrays["y"]
    if inputs.kind == "classes" and wanted.ndim == 2 and wanted.shape[1] == 1:
        wanted = wanted[:, 0]
    queries = _with_targets(inputs, asked, {name: wanted}, where, "y")
    assert queries is not None
    return queries


@dataclass(frozen=True, eq=False)
class _TargetPart:
    labels: IntArray
    names: tuple[str, ...]
    targets: FloatArray | None = None
    units: TargetUnits | None = None


def _target_part(
    options: FitOptions, arrays: Arrays, index: IntArray, count: int, where: str
) -> _TargetPart:
    """Return what is predicted of the records that are taken."""
    if options.targets == "values":
        values = arrays_from(ValueArrays, arrays, where).y
        _check_length(len(values), count, where)
        return value_targets(values[index], options.target_scaling, where)
    y = arrays_from(ClassArrays, arrays, where).y
    _check_length(len(y), count, where)
    classes, labels = np.unique(y[index], return_inverse=True)
    check_counts(where, len(index), len(classes))
    return _TargetPart(labels.astype(np.int64), tuple(map(str, classes.tolist())))


def value_targets(values: FloatArray, scaling: TargetScaling, where: str) -> _TargetPart:
    """Return real values as a process is fitted to them, ``[n, c]``.

    Raises:
        ImprintError: fewer than 2 records, or values that leave nothing to predict.
    """
    check_counts(where, len(values), 2)
    try:
        fitted, units = standardised(values)
    except ImprintError as error:
        raise ImprintError(f"{where}: {error}") from None
    if scaling == "raw":
        fitted, units = values, no_units(values.shape[1])
    names = tuple(f"output {place}" for place in range(values.shape[1]))
    return _TargetPart(np.zeros(len(values), dtype=np.int64), names, fitted, units)


def _with_targets(
    inputs: Inputs, queries: Queries | None, arrays: Arrays, where: str, name: str = ""
) -> Queries | None:
    """Return queries with their classes or real values, where the file has them."""
    kind = "query_labels" if inputs.kind == "classes" else "query_targets"
    other = "query_targets" if inputs.kind == "classes" else "query_labels"
    shown = name or kind
    if other in arrays:
        raise ImprintError(f"{where}: {other} does not fit targets of this fit: give {kind}")
    if kind not in arrays:
        return queries
    if queries is None:
        raise ImprintError(f"{where}: {shown} needs queries beside it: give both")
    known = {kind: arrays[kind]}
    part = arrays_from(QueryTargetArrays, known, where)
    count = len(queries.queries)
    if inputs.kind == "classes":
        assert part.query_labels is not None
        _check_length(len(part.query_labels), count, where, shown)
        labels = positions(inputs, Path(where), part.query_labels, shown)
        return replace(queries, labels=labels)
    assert part.query_targets is not None
    assert inputs.units is not None
    _check_length(len(part.query_targets), count, where, shown)
    outputs = len(inputs.units.scale)
    if part.query_targets.shape[1] != outputs:
        raise ImprintError(
            f"{where}: {shown} has {part.query_targets.shape[1]} columns, and the targets of the "
            f"fit have {outputs}"
        )
    return replace(queries, targets=inputs.units.to_fit(part.query_targets))


def _as_columns(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return arrays with real values ``[n]`` as ``[n, 1]``."""
    return {
        name: values[:, None] if name in ("y", "query_targets") and values.ndim == 1 else values
        for name, values in arrays.items()
    }


def _check_length(length: int, count: int, where: str, name: str = "y") -> None:
    if length != count:
        raise ImprintError(f"{where}: {name} has {length} rows, and there are {count} inputs")
