"""The files of a comparison: tables of records and of estimates, and those of the publication."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.lenses.leave_one_out.study.truth.estimators import Estimated
from imprint.lenses.leave_one_out.study.truth.retrain import GroundTruth
from imprint.lenses.leave_one_out.truth.ground_truth import Measured
from imprint.study.tables import write_table


def write_records(
    folder: Path,
    index: NDArray[np.int64],
    difference: Measured,
    auc: Measured,
    estimates: Mapping[str, Estimated],
) -> None:
    """Write one row a record left out, the truth and every estimate."""
    columns: dict[str, NDArray[Any]] = {
        "index": index,
        "difference": difference.value,
        "difference_error": difference.error,
        "auc": auc.value,
        "auc_error": auc.error,
    }
    for name, found in estimates.items():
        if found.difference is not None:
            columns[name] = found.difference
        columns.update({f"{name}_{kind}": values for kind, values in found.measures.items()})
    write_table(folder / "records.parquet", columns)


def write_estimators(folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one row an estimate; what is missing is NaN, and ends of intervals stand beside."""

    def number(row: Mapping[str, Any], *keys: str | int) -> float:
        value: Any = row
        for key in keys:
            if isinstance(key, int):
                value = None if value is None else value[key]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return float("nan") if value is None else float(value)

    columns: dict[str, NDArray[Any]] = {
        "index": np.arange(len(rows)),
        "estimator": np.array(list(rows)),
    }
    for name in ("seconds", "cpu_seconds", "peak_bytes"):
        columns[name] = np.array([number(row, name) for row in rows.values()])
    estimates: list[tuple[str, ...]] = [
        (kind, coefficient)
        for kind in ("difference", "auc")
        for coefficient in ("pearson", "spearman")
    ]
    for keys in (*estimates, ("datamodeling",)):
        parts: dict[str, tuple[str | int, ...]] = {
            "": ("value",),
            "_low": ("ci95", 0),
            "_high": ("ci95", 1),
        }
        for end, part in parts.items():
            columns["_".join(keys) + end] = np.array(
                [number(row, *keys, *part) for row in rows.values()]
            )
    write_table(folder / "estimators.parquet", columns)


def write_nn(path: Path, truth: GroundTruth, difference: Measured, auc: Measured) -> None:
    """Write the truth in the columns of the publication's tool."""
    names = ("differ_idx", "counts", "auc", "auc_std", "diff", "diff_std")
    columns = (auc.value, auc.error, difference.value, difference.error)
    rows = [
        (int(row) + 1, truth.plan.pairs, *(float(column[place]) for column in columns))
        for place, row in enumerate(truth.plan.left_out)
    ]
    _write_csv(path, names, rows)


def write_nngp(path: Path, truth: GroundTruth, found: Estimated) -> None:
    """Write one closed form in the columns of the publication's tool."""
    names = ("auc", "kl", "mse")
    rows = [
        (int(row) + 1, *(float(found.measures[name][place]) for name in names))
        for place, row in enumerate(truth.plan.left_out)
    ]
    _write_csv(path, ("differ_idx", *names), rows)


def _write_csv(path: Path, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
