"""The step that asks every model with one record less about all other records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.progress import track
from imprint.lenses.leave_one_out.posterior.queries import (
    queries_at_once,
    towards_labels,
    training_influence,
)
from imprint.lenses.leave_one_out.study.fit import Fit
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study

STEP = "leave_one_out/among_records"
MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "influence")
NAMED = 20


def among_step(study: Study, found: Fit) -> dict[str, Any]:
    """Write ``leave_one_out/among_records``, one array ``MEASURE.npy [n, n]`` a measure.

    Rows are the records left out, columns those asked about; the diagonal is what a record does to
    its own prediction. ``influence`` is by how much the row raises the output of the column's own
    class. No kernel is computed for it, K R = I − σ²R, and 40 n² bytes are written.
    """
    told: dict[str, Any] = read_json(
        study.step(STEP, {"fit": found.settings}, lambda folder: _write(folder, found))
        / "among_records.json"
    )
    return told


def _write(folder: Path, found: Fit) -> None:
    folder.mkdir(exist_ok=True)
    posterior, count = found.posterior, found.posterior.records
    files = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float64, (count, count))
        for name in MEASURES
    }
    step = queries_at_once(count)
    most: list[tuple[float, int, int]] = []
    for start in track(range(0, count, step), "ask", -(-count // step), "block"):
        part = slice(start, min(start + step, count))
        seen = training_influence(posterior, part)
        shift = torch.stack([seen.shift(output) for output in range(posterior.outputs)], dim=-1)
        measures = {
            "kl_out_in": seen.directions.kl_out_in(),
            "kl_in_out": seen.directions.kl_in_out(),
            "auc": seen.directions.auc(),
            "mean_distance": seen.mean_distance,
            "influence": towards_labels(shift, found.labels[part]),
        }
        for name, values in measures.items():
            files[name][:, part] = values.cpu().numpy()
        most = sorted([*most, *_largest(measures["kl_out_in"], part)], reverse=True)[:NAMED]
    for file in files.values():
        file.flush()
    index = found.inputs.index
    told = {
        "records": count,
        "measures": list(MEASURES),
        "most": [
            {"removed": int(index[row]), "asked": int(index[column]), "kl_out_in": value}
            for value, row, column in most
        ],
    }
    write_json(folder / "among_records.json", told)


def _largest(divergence: Tensor, part: slice) -> list[tuple[float, int, int]]:
    """Return the largest values beside the diagonal with their row and column."""
    others = divergence.clone()
    columns = torch.arange(part.start, part.stop, device=others.device)
    others[columns, columns - part.start] = -1
    values, places = others.flatten().topk(min(NAMED, others.numel()))
    width = others.shape[1]
    return [
        (value, place // width, part.start + place % width)
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
        if value >= 0
    ]
