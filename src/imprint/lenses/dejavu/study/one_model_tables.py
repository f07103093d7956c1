"""The tables of the one-model test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.data.index_list import write_index_list
from imprint.lenses.dejavu.memorization.claims import rank_claims
from imprint.lenses.dejavu.memorization.one_model import (
    STRICTEST,
    OneModelOutcome,
    correlated_by_class,
    explained,
)
from imprint.lenses.dejavu.memorization.two_model import (
    categories,
    memorization_strength,
    per_class,
)
from imprint.study.tables import Table, write_table

EXPLAINED_LIST = "explained.npy"


def write_one_model_tables(
    folder: Path,
    result: OneModelOutcome,
    classes: int,
    top: int,
    extra: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Write ``records.parquet``, ``classes.parquet`` and ``explained.npy``.

    In the table of classes, ``gap`` and what stands beside it is of the best reference.

    Args:
        folder: where to.
        result: of the test.
        classes: number of classes.
        top: as in the test.
        extra: further columns of the records, one row per member.
    """
    members = result.members
    write_table(folder / "records.parquet", {**_records(result, top), **(extra or {})})
    write_table(folder / "classes.parquet", _classes(result, classes, top))
    write_index_list(folder / EXPLAINED_LIST, members.index[explained(members, top)])


def _classes(result: OneModelOutcome, classes: int, top: int) -> Table:
    members = result.members
    shares = correlated_by_class(members, classes, top)
    columns: Table = {"index": np.arange(classes), **result.by_class}
    for name in members.names:
        by_class = per_class([members.side(name)], classes, top)
        columns["accuracy"] = by_class["target_accuracy"]
        columns[f"{name}_accuracy"] = by_class["reference_accuracy"]
        columns[f"correlated_{name}"] = shares[name]
    return columns


def _records(result: OneModelOutcome, top: int) -> Table:
    """Return one row per member; ``rank`` is its place among claimed images, −1 for none."""
    members = result.members
    columns: Table = {
        "index": members.index,
        "label": members.labels,
        "prediction": members.model.ranked[:, 0],
        "confidence": members.model.confidence,
        "explained": explained(members, top),
        "excluded": result.excluded,
        "rank": rank_claims(members.side(STRICTEST), top, result.excluded),
    }
    for name in members.names:
        side = members.side(name)
        columns[f"{name}_prediction"] = side.reference.ranked[:, 0]
        columns[f"{name}_confidence"] = side.reference.confidence
        columns[f"{name}_category"] = categories(side, top).argmax(axis=1)
        columns[f"{name}_memorization"] = memorization_strength(side)
    return columns
