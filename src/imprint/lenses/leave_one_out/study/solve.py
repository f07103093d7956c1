"""Steps that solve (K + σ²I) x = b for queries, added records or records left out together.

They take nearly all of the time of a query beyond dense memory, so each is a step of its own:
a killed one goes on behind its last block, and further measures of the same queries need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.leave_one_out.large.conjugate_gradients import unit_vectors
from imprint.lenses.leave_one_out.large.solutions import Solutions, solve_all
from imprint.lenses.leave_one_out.study.large_model import LargeModel
from imprint.study.step import Step


@dataclass(frozen=True, eq=False)
class SolveInputs(Step):
    """Write R k_Xq of inputs q: ``solved.npy`` float64, ``[q, n]`` in one row, and ``facts.npy``.

    Attributes:
        model: the fit.
        values: inputs ``[q, ...]``.
    """

    model: LargeModel
    values: FloatArray

    resumable = True

    def build(self, path: Path) -> None:
        """Solve what is not solved yet."""
        self.solved(self.open(path))

    def solved(self, solutions: Solutions) -> Solutions:
        """Solve what is not solved yet; return the solutions."""
        solve_inputs(self.model, self.values, solutions)
        return solutions

    def open(self, path: Path | None) -> Solutions:
        """Return the solutions that lie at a path, or none yet; None keeps them in memory."""
        return Solutions([self.model.posterior.records] * len(self.values), path)


class SolveQueries(SolveInputs):
    """Of queries."""

    artefact = "leave_one_out/solved_queries"


class SolveAdditions(SolveInputs):
    """Of records that are added."""

    artefact = "leave_one_out/solved_additions"


@dataclass(frozen=True, eq=False)
class SolveGroups(Step):
    """Write R_SS of groups S: ``solved.npy`` float64, k² numbers a group, and ``facts.npy``.

    Attributes:
        model: the fit.
        groups: rows of the records of each, by name.
    """

    model: LargeModel
    groups: Mapping[str, IntArray]

    artefact = "leave_one_out/solved_groups"
    resumable = True

    def build(self, path: Path) -> None:
        """Solve what is not solved yet."""
        self.solved(self.open(path))

    def solved(self, solutions: Solutions) -> Solutions:
        """Solve what is not solved yet; return the solutions."""
        solve_groups(self.model, self.groups, solutions)
        return solutions

    def open(self, path: Path | None) -> Solutions:
        """Return the solutions that lie at a path, or none yet; None keeps them in memory."""
        groups = self.groups.values()
        return Solutions([len(rows) for rows in groups for _ in rows], path)


def solve_inputs(model: LargeModel, values: FloatArray, solutions: Solutions) -> None:
    """Solve for R k_Xq of inputs ``[q, ...]``."""
    posterior = model.posterior

    def right_sides(part: slice) -> Tensor:
        return posterior.cross(torch.from_numpy(values[part]).to(posterior.device))

    solve_all(posterior, solutions, right_sides, lambda _, column: column, model.solver)


def solve_groups(model: LargeModel, groups: Mapping[str, IntArray], solutions: Solutions) -> None:
    """Solve for the columns of R of the records of each group."""
    posterior = model.posterior
    rows = [torch.from_numpy(each).to(posterior.device) for each in groups.values()]
    records = torch.cat(rows)
    group_of = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    solve_all(
        posterior,
        solutions,
        lambda part: unit_vectors(records[part], posterior.records),
        lambda row, column: column[rows[group_of[row]]],
        model.solver,
    )
