"""The step that leaves out several records together: classes, copies, or the user's own groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import GroupFindings, GroupRow
from imprint.lenses.leave_one_out.posterior.distinguishability import mean_distance
from imprint.lenses.leave_one_out.posterior.duplicates import copies_of, exact_copies
from imprint.lenses.leave_one_out.posterior.groups import (
    GroupInfluence,
    block_self_influence,
    group_influence,
)
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, classes_of
from imprint.lenses.leave_one_out.posterior.queries import signed_influence, value_influence
from imprint.lenses.leave_one_out.posterior.self_influence import towards_class
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits
from imprint.lenses.leave_one_out.posterior.targets import towards_targets
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Inputs, Queries
from imprint.lenses.leave_one_out.study.queries import on_device, real_targets
from imprint.study.array_file import array, read_array_file
from imprint.study.finding import write_finding

NAMED_GROUPS = 20
"""Groups that the findings name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupArrays:
    """A file of groups."""

    index: IntArray = array("m", "records", kind="whole")
    group: NDArray[np.float64] = array("m", "group of each of them; a record may be in several")


@dataclass(frozen=True, eq=False)
class LeaveOutGroups(FindingStep[GroupFindings]):
    """Write ``groups.parquet``, a row per group; of queries ``MEASURE.npy`` and ``shift.npy``."""

    fit: GaussianFit
    groups: Mapping[str, IntArray]
    queries: Queries | None

    artefact = "leave_one_out/groups"
    kind = GroupFindings
    file = "groups.json"

    def build(self, path: Path) -> None:
        """Write the table and the arrays."""
        path.mkdir(exist_ok=True)
        rows = leave_out_groups(self.fit, self.groups)
        write_groups(path, rows)
        findings = GroupFindings(len(rows), tuple(rows[:NAMED_GROUPS]))
        if self.queries is not None:
            arrays = MeasureArrays(len(rows), len(self.queries.queries), path)
            fill_groups(self.fit, self.groups, self.queries, arrays)
            count = len(self.queries.queries)
            findings = replace(findings, queries=count, measures=arrays.names)
        write_finding(path / self.file, findings)


def write_groups(path: Path, rows: Sequence[GroupRow]) -> None:
    """Write ``groups.parquet`` into a folder, a row per group."""
    columns: dict[str, NDArray[Any]] = {"index": np.arange(len(rows))}
    for name in asdict(rows[0]):
        if getattr(rows[0], name) is not None:
            columns[name] = np.array([getattr(row, name) for row in rows])
    write_meant(path / "groups.parquet", columns)


def leave_out_groups(fit: GaussianFit, groups: Mapping[str, IntArray]) -> list[GroupRow]:
    """Return what leaving out each group does to the predictions for its own records."""
    return [
        group_row(fit.posterior, name, torch.from_numpy(group).to(fit.device), fit.value_units)
        for name, group in track(groups.items(), "leave out", len(groups), "group")
    ]


def fill_groups(
    fit: GaussianFit, groups: Mapping[str, IntArray], queries: Queries, arrays: MeasureArrays
) -> None:
    """Fill each measure of every group at every query."""
    values, labels = on_device(queries, fit.device)
    cross, variances = fit.kernel(values, fit.values), fit.kernel.diagonal(values)
    targets, mean_in = real_targets(queries, fit.device), cross @ fit.posterior.weights
    for row, group in enumerate(groups.values()):
        rows = torch.from_numpy(group).to(fit.device)
        influence = group_influence(fit.posterior, rows, cross, variances)
        measures = group_measures(influence, labels)
        measures |= value_influence(influence.shift[None], mean_in, targets)
        arrays.fill(fit.units.convert_measures(measures), rows=slice(row, row + 1))


def group_measures(influence: GroupInfluence, labels: Tensor | None) -> dict[str, Tensor]:
    """Return the measures of one group at every query, ``[1, q]``; shift ``[1, q, c]``."""
    measures = {
        **influence.directions.measures(),
        "mean_distance": influence.mean_distance,
        "variance_out": influence.variance_out,
        "shift": influence.shift,
    }
    part = {name: values[None] for name, values in measures.items()}
    return part | signed_influence(influence.shift[None], labels)


def named_groups(inputs: Inputs, choice: str) -> Mapping[str, IntArray]:
    """Return rows of the records of each group, int64, by its name.

    Args:
        inputs: the records.
        choice: ``classes``, ``copies``, or an ``.npz`` file of ``index [m]``, ``group [m]``.

    Raises:
        ImprintError: no such groups, or records that are not among those of the fit.
    """
    if choice == "classes" and inputs.kind != "classes":
        raise ImprintError("--groups classes: the targets are real values, name groups in a file")
    if choice == "classes":
        inside = {name: inputs.labels == place for place, name in enumerate(inputs.classes)}
        return {name: np.flatnonzero(mask) for name, mask in inside.items()}
    if choice == "copies":
        copies = copies_of(exact_copies(inputs.raw))
        if not copies:
            raise ImprintError("--groups copies: no record of the fit has an exact copy")
        return {str(inputs.index[first]): rows.numpy() for first, rows in copies.items()}
    return _read_groups(inputs, Path(choice))


def _read_groups(inputs: Inputs, file: Path) -> Mapping[str, IntArray]:
    arrays = read_array_file(GroupArrays, file)
    places = {int(index): row for row, index in enumerate(inputs.index)}
    for index in arrays.index:
        if index not in places:
            raise ImprintError(f"{file}: index {index} is not a record of the fit")
    groups: dict[str, IntArray] = {}
    for name in np.unique(arrays.group):
        rows = [places[int(index)] for index in arrays.index[arrays.group == name]]
        if len(set(rows)) < len(rows):
            raise ImprintError(f"{file}: group {name:g} has a record twice: name it once")
        groups[f"{name:.0f}" if name == round(name) else f"{name:g}"] = np.array(rows)
    return groups


def group_row(
    posterior: Posterior, name: str, group: Tensor, units: TargetUnits | None = None
) -> GroupRow:
    """Return what leaving out a group does to the predictions for its own records.

    Args:
        posterior: the fit of all records.
        name: of the group.
        group: rows, int64 ``[k]``.
        units: of real values; None for classes.
    """
    block, weights = posterior.inverse[group][:, group], posterior.weights[group]
    return block_row(name, block, weights, posterior.targets[group], posterior.noise, units)


def block_row(
    name: str,
    block: Tensor,
    weights: Tensor,
    targets: Tensor,
    noise: float,
    units: TargetUnits | None = None,
) -> GroupRow:
    """Return the same from R_SS ``[k, k]``, α_S and Y_S ``[k, c]``, and σ²."""
    directions = block_self_influence(block, weights, noise)
    residuals = torch.linalg.solve(block, weights)
    shift = residuals - noise * weights
    if units is not None:
        moved = towards_targets(shift, residuals, "values", targets)
        scale = units.mixed_scale
        return GroupRow(
            name,
            len(weights),
            float(directions.kl_out_in()),
            float(directions.kl_in_out()),
            float(directions.auc()),
            float(mean_distance(shift).mean()) * scale**2,
            float(moved.mean()) * scale,
            error_out=float(residuals.square().mean().sqrt()) * scale,
        )
    right = classes_of(targets - residuals) == classes_of(targets)
    return GroupRow(
        name,
        len(weights),
        float(directions.kl_out_in()),
        float(directions.kl_in_out()),
        float(directions.auc()),
        float(mean_distance(shift).mean()),
        float(towards_class(shift, targets).mean()),
        float(right.double().mean()),
    )
