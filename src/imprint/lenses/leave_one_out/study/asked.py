"""The step that asks every model with one record less about inputs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.lenses.leave_one_out.posterior.queries import queries_at_once, query_blocks
from imprint.lenses.leave_one_out.study.fit import Fit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

STEP = "leave_one_out/queries"
INFLUENTIAL = 3
"""Records named a query and sign."""


def query_step(study: Study, found: Fit, queries: Queries) -> dict[str, Any]:
    """Write one array a measure to ``leave_one_out/queries``; return what they are of.

    Args:
        study: the folder.
        found: the fit.
        queries: on the scale of its inputs.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        write_queries(folder, found, queries)

    settings = {"fit": found.settings, **queries.hashes()}
    told: dict[str, Any] = read_json(study.step(STEP, settings, build) / "queries.json")
    return told


def write_queries(folder: Path, found: Fit, queries: Queries) -> None:
    """Write ``MEASURE.npy``, float64 ``[n, q]``, and ``shift.npy`` ``[n, q, c]``.

    Of queries with classes also ``influence.npy`` ``[n, q]``: by how much each record raises the
    output of the query's class, below 0 where it lowers it; and ``influential.parquet``, a row a
    query and record that raises or lowers it most.
    """
    posterior, kernel = found.posterior, found.kernel
    asked = torch.from_numpy(queries.values).to(found.device)
    labels = None if queries.labels is None else torch.from_numpy(queries.labels).to(found.device)
    cross, variances = kernel(asked, found.values), kernel.diagonal(asked)
    blocks = query_blocks(posterior, cross, variances, labels)
    count = len(queries.values)
    total = -(-count // queries_at_once(posterior.records))
    files: dict[str, Any] = {}
    most = np.zeros(count), np.zeros(count, dtype=np.int64)
    influential: list[dict[str, Any]] = []
    for part, measures in track(blocks, "ask", total, "block"):
        for name, values in measures.items():
            shape = (len(values), count, *values.shape[2:])
            if name not in files:
                files[name] = np.lib.format.open_memmap(
                    folder / f"{name}.npy", "w+", np.float64, shape
                )
            files[name][:, part] = values.cpu().numpy()
        most[0][part], most[1][part] = (side.cpu().numpy() for side in measures["kl_out_in"].max(0))
        if labels is not None:
            influential += most_influential(measures["influence"], found.inputs.index)
    for file in files.values():
        file.flush()
    told = {
        "queries": count,
        "measures": sorted(files),
        "most": {"index": found.inputs.index[most[1]].tolist(), "kl_out_in": most[0].tolist()},
    }
    if queries.labels is not None:
        told["labels"] = [found.inputs.classes[label] for label in queries.labels]
        told["influential"] = influential
        write_table(folder / "influential.parquet", _influential_rows(influential))
    write_json(folder / "queries.json", told)


def most_influential(influence: Tensor, index: IntArray) -> list[dict[str, Any]]:
    """Return, for each query, which records raise and lower the output of its class most.

    >>> found = most_influential(torch.tensor([[0.5], [-0.1], [0.2]]), np.array([7, 8, 9]))
    >>> found[0]["raise"]["index"], found[0]["lower"]["index"]
    ([7, 9], [8])

    Args:
        influence: ``[n, q]``, signed.
        index: int64 ``[n]``, names of the records.
    """
    values = influence.cpu().numpy()
    found = []
    for column in values.T:
        order = np.argsort(-column, kind="stable")
        ends = {"raise": order[:INFLUENTIAL], "lower": order[::-1][:INFLUENTIAL]}
        signs = {"raise": 1, "lower": -1}
        kept = {name: rows[signs[name] * column[rows] > 0] for name, rows in ends.items()}
        found.append(
            {
                name: {"index": index[rows].tolist(), "influence": column[rows].tolist()}
                for name, rows in kept.items()
            }
        )
    return found


def _influential_rows(influential: list[dict[str, Any]]) -> Table:
    rows = [
        (index, query, influence)
        for query, ends in enumerate(influential)
        for side in ends.values()
        for index, influence in zip(side["index"], side["influence"], strict=True)
    ]
    index, query, influence = (np.array([row[place] for row in rows]) for place in range(3))
    return {"index": index, "query": query, "influence": influence}
