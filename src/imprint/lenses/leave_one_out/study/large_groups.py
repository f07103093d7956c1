"""Groups left out of a fit by a method other than dense, from their block of the inverse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.lenses.leave_one_out.findings import GroupFindings, GroupRow
from imprint.lenses.leave_one_out.large.group_blocks import divergence_error, group_block
from imprint.lenses.leave_one_out.large.large_queries import solved_queries
from imprint.lenses.leave_one_out.large.solutions import Solutions
from imprint.lenses.leave_one_out.posterior.groups import block_influence
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.groups import (
    NAMED_GROUPS,
    block_row,
    group_measures,
    write_groups,
)
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large_model import LargeModel, solve_accuracy
from imprint.lenses.leave_one_out.study.queries import on_device
from imprint.lenses.leave_one_out.study.solve import SolveGroups
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding

STRIP_VALUES = 1 << 22
"""Numbers of R k_Xq at a group's records that exist at a time."""


@dataclass(frozen=True, eq=False)
class LeaveOutLargeGroups(FindingStep[GroupFindings]):
    """Write what the step of a dense fit writes.

    Attributes:
        model: the fit.
        groups: rows of the records of each, by name.
        queries: at which models without each group are evaluated.
        blocks: R_SS, all done.
        solutions: R k_Xq of the queries, all done.
    """

    model: LargeModel
    groups: Mapping[str, IntArray]
    queries: Queries | None
    blocks: Solutions = uncounted()
    solutions: Solutions | None = uncounted()

    artefact = "leave_one_out/groups"
    inputs = (SolveGroups.artefact,)
    kind = GroupFindings
    file = "groups.json"

    def build(self, path: Path) -> None:
        """Write the table and the arrays."""
        path.mkdir(exist_ok=True)
        rows, findings = leave_out_large_groups(self.model, self.groups, self.blocks)
        write_groups(path, rows)
        findings = replace(findings, first=findings.first[:NAMED_GROUPS])
        if self.queries is not None and self.solutions is not None:
            count = len(self.queries.queries)
            arrays = MeasureArrays(len(rows), count, path)
            fill_large_groups(
                self.model, self.groups, self.blocks, self.queries, self.solutions, arrays
            )
            findings = replace(findings, queries=count, measures=arrays.names)
        write_finding(path / self.file, findings)


def leave_out_large_groups(
    model: LargeModel, groups: Mapping[str, IntArray], blocks: Solutions
) -> tuple[list[GroupRow], GroupFindings]:
    """Return what leaving out each group does to the predictions for its own records."""
    posterior = model.posterior
    rows, errors = [], []
    for name, start, group, block in track(
        _blocks(groups, blocks), "leave out", len(groups), "group"
    ):
        weights, targets = (
            each[group].cpu() for each in (posterior.kept.weights, posterior.targets)
        )
        rows.append(block_row(name, block, weights, targets, posterior.noise))
        errors.append(divergence_error(posterior, blocks, start, block, weights))
    accuracy = solve_accuracy(model, blocks, {"kl_out_in": max(errors)})
    return rows, GroupFindings(len(rows), tuple(rows), accuracy=accuracy)


def fill_large_groups(
    model: LargeModel,
    groups: Mapping[str, IntArray],
    blocks: Solutions,
    queries: Queries,
    solutions: Solutions,
    arrays: MeasureArrays,
) -> None:
    """Fill each measure of every group at every query."""
    values, labels = on_device(queries, model.posterior.device)
    labels = None if labels is None else labels.cpu()
    solved = solved_queries(model.posterior, values, solutions)
    variance = solved.variance.cpu()
    for place, (_, _, group, block) in enumerate(_blocks(groups, blocks)):
        weights, rows = model.posterior.kept.weights[group].cpu(), group.numpy()
        step = max(1, STRIP_VALUES // len(group))
        for start in range(0, len(values), step):
            part = slice(start, start + step)
            reach = torch.from_numpy(np.ascontiguousarray(solutions.table[part][:, rows].T))
            influence = block_influence(block, weights, reach, variance[part])
            measures = group_measures(influence, None if labels is None else labels[part])
            arrays.fill(measures, rows=slice(place, place + 1), columns=part)


def _blocks(
    groups: Mapping[str, IntArray], solutions: Solutions
) -> Iterator[tuple[str, int, Tensor, Tensor]]:
    """Yield name, first right side, rows and R_SS of each group."""
    start = 0
    for name, rows in groups.items():
        yield name, start, torch.from_numpy(rows), group_block(solutions, start, len(rows), name)
        start += len(rows)
