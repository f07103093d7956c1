"""The step that adds records which the fit lacks, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.lenses.leave_one_out.posterior.additions import Candidates, candidates
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.queries import towards_labels
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.study.fit import Fit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

STEP = "leave_one_out/additions"
NAMED = 20


def addition_step(
    study: Study, found: Fit, added: Queries, queries: Queries | None
) -> dict[str, Any]:
    """Write ``leave_one_out/additions``; return what is told of the records added.

    ``additions.parquet`` has a row a record; of queries there are ``kl_out_in.npy``,
    ``kl_in_out.npy`` and ``auc.npy`` ``[m, q]``, and ``shift.npy [m, q, c]``.

    Args:
        study: the folder.
        found: the fit without them.
        added: with labels.
        queries: asked of the models with each of them as well.
    """
    assert added.labels is not None
    settings = {
        "fit": found.settings,
        "added": [hash_arrays(added.values), hash_arrays(added.labels)],
        **({"queries": None} if queries is None else queries.hashes()),
    }

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        _write(folder, found, added, queries)

    told: dict[str, Any] = read_json(study.step(STEP, settings, build) / "additions.json")
    return told


def _write(folder: Path, found: Fit, added: Queries, queries: Queries | None) -> None:
    kernel, posterior = found.kernel, found.posterior
    values = torch.from_numpy(added.values).to(found.device)
    labels = torch.from_numpy(np.asarray(added.labels)).to(found.device)
    targets = centred_one_hot(labels, len(found.inputs.classes), found.choice.outputs)
    several = candidates(posterior, kernel(values, found.values), kernel.diagonal(values), targets)
    columns = addition_columns(several)
    columns = {"index": np.arange(len(values)), "label": np.asarray(added.labels), **columns}
    write_table(folder / "additions.parquet", columns)
    first = [
        {
            "index": row,
            "label": found.inputs.classes[int(columns["label"][row])],
            "prediction_out": found.inputs.classes[int(columns["prediction_out"][row])],
            **{name: float(columns[name][row]) for name in ("kl_out_in", "auc", "memorization")},
        }
        for row in range(min(NAMED, len(values)))
    ]
    told: dict[str, Any] = {"additions": len(values), "first": first}
    if queries is not None:
        asked = torch.from_numpy(queries.values).to(found.device)
        cross, between = kernel(asked, found.values), kernel(asked, values)
        seen = several.at_queries(between, cross, kernel.diagonal(asked))
        shift = several.shift_at_queries(between, cross)
        measures = {
            "kl_out_in": seen.kl_out_in(),
            "kl_in_out": seen.kl_in_out(),
            "auc": seen.auc(),
            "shift": shift,
        }
        if queries.labels is not None:
            of_class = torch.from_numpy(queries.labels).to(found.device)
            measures["influence"] = towards_labels(shift, of_class)
        for name, array in measures.items():
            np.save(folder / f"{name}.npy", array.cpu().numpy())
        told |= {"queries": len(asked), "measures": sorted(measures)}
    write_json(folder / "additions.json", told)


def addition_columns(several: Candidates) -> Table:
    """Return one row a record of what adding it does to its own prediction.

    Columns are those of ``records.parquet``; *out* is the fit, and *in* has the record as well.
    """
    own = several.self_influence()
    columns = {
        "kl_out_in": own.kl_out_in,
        "kl_in_out": own.kl_in_out,
        "mean_distance": own.mean_distance,
        "variance_out": own.variance_out,
        "residual_norm": own.residual_norm,
        "memorization": own.memorization,
        "auc": own.auc,
        "tpr": own.tpr_at_fpr(FPR),
        "leverage": own.leverage,
        "prediction_out": classes_of(several.targets - own.residual),
    }
    return {name: np.asarray(column.cpu().numpy()) for name, column in columns.items()}
