"""The step that leaves out several records together: classes, copies, or groups of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.posterior.distinguishability import mean_distance
from imprint.lenses.leave_one_out.posterior.duplicates import copies_of, exact_copies
from imprint.lenses.leave_one_out.posterior.groups import (
    group_influence,
    group_residuals,
    group_self_influence,
)
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, classes_of
from imprint.lenses.leave_one_out.posterior.queries import towards_labels
from imprint.lenses.leave_one_out.posterior.self_influence import towards_class
from imprint.lenses.leave_one_out.study.fit import Fit
from imprint.lenses.leave_one_out.study.inputs import Inputs, Queries
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.npz import numbers, read_npz
from imprint.study.store import Study
from imprint.study.tables import write_table

STEP = "leave_one_out/groups"
NAMED = 20
Groups = Mapping[str, Tensor]


def group_step(study: Study, found: Fit, choice: str, queries: Queries | None) -> dict[str, Any]:
    """Write ``leave_one_out/groups``; return what is told of the groups.

    ``groups.parquet`` has a row a group; of queries there are arrays ``MEASURE.npy [g, q]`` and
    ``shift.npy [g, q, c]``.

    Args:
        study: the folder.
        found: the fit.
        choice: ``classes``, ``copies``, or an ``.npz`` file of ``index [m]``, ``group [m]``.
        queries: asked of the models without each group as well.

    Raises:
        ImprintError: no such groups, or records that are not among those of the fit.
    """
    groups = named_groups(found.inputs, choice)
    settings = {
        "fit": found.settings,
        "groups": {name: hash_arrays(rows.numpy()) for name, rows in groups.items()},
        **({"queries": None} if queries is None else queries.hashes()),
    }

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        _write(folder, found, groups, queries)

    told: dict[str, Any] = read_json(study.step(STEP, settings, build) / "groups.json")
    return told


def named_groups(inputs: Inputs, choice: str) -> dict[str, Tensor]:
    """Return rows of the records of each group, int64, by its name."""
    if choice == "classes":
        inside = {name: inputs.labels == place for place, name in enumerate(inputs.classes)}
        return {name: torch.from_numpy(np.flatnonzero(mask)) for name, mask in inside.items()}
    if choice == "copies":
        copies = copies_of(exact_copies(inputs.given))
        if not copies:
            raise ImprintError("--groups copies: no record of the fit has an exact copy")
        return {str(inputs.index[first]): rows for first, rows in copies.items()}
    file = Path(choice)
    arrays = read_npz(file, ("index", "group"), ())
    index, group = (numbers(file, name, arrays[name]) for name in ("index", "group"))
    if index.ndim != 1 or index.shape != group.shape or not len(index):
        raise ImprintError(
            f"{file}: index and group have shapes {list(index.shape)} and {list(group.shape)}: "
            "give one group a record, and name a record once for each of its groups"
        )
    places = {int(name): row for row, name in enumerate(inputs.index)}
    for name in index:
        if name not in places:
            raise ImprintError(f"{file}: index {name:g} is none of the records of the fit")
    found: dict[str, Tensor] = {}
    for name in np.unique(group):
        rows = [places[int(one)] for one in index[group == name]]
        if len(set(rows)) < len(rows):
            raise ImprintError(f"{file}: group {name:g} has a record twice: give it once")
        found[f"{name:.0f}" if name == round(name) else f"{name:g}"] = torch.tensor(rows)
    return found


def _write(folder: Path, found: Fit, groups: Groups, queries: Queries | None) -> None:
    posterior = found.posterior
    rows = []
    for name, group in track(groups.items(), "leave out", len(groups), "group"):
        rows.append({"group": name, **group_row(posterior, group.to(found.device))})
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    write_table(folder / "groups.parquet", {"index": np.arange(len(rows)), **columns})
    told: dict[str, Any] = {"groups": len(rows), "first": rows[:NAMED]}
    if queries is not None:
        measures = _at_queries(found, groups, queries)
        for measure, values in measures.items():
            np.save(folder / f"{measure}.npy", values)
        told |= {"queries": len(queries.values), "measures": sorted(measures)}
    write_json(folder / "groups.json", told)


def group_row(posterior: Posterior, group: Tensor) -> dict[str, Any]:
    """Return what leaving out a group does to the predictions for its own records.

    Divergences and AUC are of all of them jointly; the rest are means over the records.
    """
    directions = group_self_influence(posterior, group)
    residuals, targets = group_residuals(posterior, group), posterior.targets[group]
    shift = residuals - posterior.noise * posterior.weights[group]
    right = classes_of(targets - residuals) == classes_of(targets)
    return {
        "records": len(group),
        "kl_out_in": float(directions.kl_out_in()),
        "kl_in_out": float(directions.kl_in_out()),
        "auc": float(directions.auc()),
        "mean_distance": float(mean_distance(shift).mean()),
        "memorization": float(towards_class(shift, targets).mean()),
        "accuracy_out": float(right.double().mean()),
    }


def _at_queries(found: Fit, groups: Groups, queries: Queries) -> dict[str, Any]:
    """Return each measure of every group at every query, ``[g, q]``, and the shift."""
    asked = torch.from_numpy(queries.values).to(found.device)
    cross, variances = found.kernel(asked, found.values), found.kernel.diagonal(asked)
    measures: dict[str, list[Tensor]] = {}
    for group in groups.values():
        seen = group_influence(found.posterior, group.to(found.device), cross, variances)
        row = {
            "kl_out_in": seen.directions.kl_out_in(),
            "kl_in_out": seen.directions.kl_in_out(),
            "auc": seen.directions.auc(),
            "mean_distance": seen.mean_distance,
            "variance_out": seen.variance_out,
            "shift": seen.shift,
        }
        if queries.labels is not None:
            labels = torch.from_numpy(queries.labels).to(found.device)
            row["influence"] = towards_labels(seen.shift[None], labels)[0]
        for name, values in row.items():
            measures.setdefault(name, []).append(values)
    return {name: torch.stack(rows).cpu().numpy() for name, rows in measures.items()}
