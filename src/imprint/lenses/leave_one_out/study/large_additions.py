"""Records added to a fit by a method other than dense, each by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.progress import track
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import AdditionFindings
from imprint.lenses.leave_one_out.large.large_additions import (
    candidate_error,
    covariances,
    large_candidates,
)
from imprint.lenses.leave_one_out.large.large_queries import solved_queries
from imprint.lenses.leave_one_out.large.solutions import Solutions
from imprint.lenses.leave_one_out.posterior.queries import signed_influence
from imprint.lenses.leave_one_out.study.additions import added_rows, targets_of
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large_model import LargeModel, solve_accuracy
from imprint.lenses.leave_one_out.study.queries import on_device
from imprint.lenses.leave_one_out.study.solve import SolveAdditions
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.tables import Table


@dataclass(frozen=True, eq=False)
class AddLargeRecords(FindingStep[AdditionFindings]):
    """Write what the step of a dense fit writes.

    Attributes:
        model: the fit, which is *out*.
        added: inputs and classes.
        queries: at which models with each record are evaluated.
        added_solutions: R k_Xx of the records, all done.
        solutions: R k_Xq of the queries, all done.
    """

    model: LargeModel
    added: Queries
    queries: Queries | None
    added_solutions: Solutions = uncounted()
    solutions: Solutions | None = uncounted()

    artefact = "leave_one_out/additions"
    inputs = (SolveAdditions.artefact,)
    kind = AdditionFindings
    file = "additions.json"

    def build(self, path: Path) -> None:
        """Write the table and the arrays."""
        path.mkdir(exist_ok=True)
        columns, findings = add_large_records(self.model, self.added, self.added_solutions)
        write_meant(path / "additions.parquet", columns)
        if self.queries is not None and self.solutions is not None:
            count = len(self.queries.queries)
            arrays = MeasureArrays(findings.additions, count, path)
            fill_large_additions(
                self.model, self.added, self.added_solutions, self.queries, self.solutions, arrays
            )
            findings = replace(findings, queries=count, measures=arrays.names)
        write_finding(path / self.file, findings)


def add_large_records(
    model: LargeModel, added: Queries, solutions: Solutions
) -> tuple[Table, AdditionFindings]:
    """Return what adding each record does to its own prediction: a table, and its first rows."""
    values, _ = on_device(added, model.posterior.device)
    candidate = large_candidates(model.posterior, values, targets_of(model.fit, added), solutions)
    columns, findings = added_rows(model.fit, added, candidate)
    error = float(candidate_error(model.posterior, candidate, solutions).max())
    return columns, replace(
        findings, accuracy=solve_accuracy(model, solutions, {"kl_out_in": error})
    )


def fill_large_additions(
    model: LargeModel,
    added: Queries,
    added_solutions: Solutions,
    queries: Queries,
    solutions: Solutions,
    arrays: MeasureArrays,
) -> None:
    """Fill what each added record does to each query."""
    posterior = model.posterior
    values, labels = on_device(queries, posterior.device)
    records, _ = on_device(added, posterior.device)
    variance = solved_queries(posterior, values, solutions).variance
    candidate = large_candidates(posterior, records, targets_of(model.fit, added), added_solutions)
    parts = covariances(posterior, records, values, added_solutions)
    total = -(-len(values) // posterior.columns)
    for part, covariance in track(parts, "measure", total, "block"):
        shift = candidate.shift(covariance)
        measures = {
            **candidate.directions(covariance, variance[part]).measures(),
            "shift": shift,
            **signed_influence(shift, None if labels is None else labels[part]),
        }
        arrays.fill(measures, columns=part)
