"""The step of a fit of more records than a kernel matrix has room for, with its errors.

It writes what the dense fit writes, except for what needs the whole matrix: noise paths and
collinear records. Their place in the findings says why. Besides it keeps the diagonal of the
inverse and the weights, ``inverse.npz``, for later queries.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import torch

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import log
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import CheckedExtremes, FitFindings
from imprint.lenses.leave_one_out.large.extremes import Extremes, check_extremes
from imprint.lenses.leave_one_out.large.fit import LargeFit, fit_large
from imprint.lenses.leave_one_out.large.kept_fit import KeptFit, kept_fit, write_kept_fit
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.options import MethodChoice, SolverOptions
from imprint.lenses.leave_one_out.posterior.duplicates import (
    copies_from_diagonal,
    exact_copies,
    influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.model_quality import density_offset
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.lenses.leave_one_out.posterior.summary import (
    find_duplicates,
    fit_findings,
    named_rows,
    target_facts,
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.dense import (
    RECORDS,
    STEP,
    check_columns,
)
from imprint.lenses.leave_one_out.study.fitted import GaussianFit, takes_spectrum
from imprint.lenses.leave_one_out.study.large_model import KEPT
from imprint.lenses.leave_one_out.study.large_queries import wanted_measures
from imprint.lenses.leave_one_out.study.record_table import record_table, with_target_groups
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.json_io import read_json, write_json
from imprint.study.option_types import AUTO
from imprint.study.tables import Table

FREE_MEMORY_SHARE = 0.8
_UNREAD = {
    "dense": ("memory", "landmarks", "probes"),
    "auto": (),
    "nystrom": (),
}
"""Options that a method ignores; the others ignore those of nystrom."""


@dataclass(frozen=True, eq=False)
class LargeLeaveOneOut(FindingStep[FitFindings]):
    """Write ``leave_one_out/``: ``records.parquet``, ``findings.json`` and ``inverse.npz``.

    An interrupted out_of_core fit resumes from the panels it wrote; they are removed at the end.

    Attributes:
        fit: the records.
        choice: method and memory.
        seed: of everything random.
        factor: folder where the factor is kept on disk; None for no longer than it is needed.
        on_fit: takes the fit as it is in memory.
    """

    fit: GaussianFit
    choice: MethodChoice
    seed: int
    factor: Path | None = uncounted(default=None)
    on_fit: Callable[[LargeOutcome], None] = uncounted(default=lambda _: None)

    artefact = STEP
    kind = FitFindings
    resumable = True

    def build(self, path: Path) -> None:
        """Write the table of the fit and its findings."""
        path.mkdir(parents=True, exist_ok=True)
        workspace = path / "panels"
        try:
            options = large_options(self.choice, self.seed, self.fit.device, workspace)
            outcome = large_leave_one_out(self.fit, replace(options, factor=self.factor))
            write_meant(path / RECORDS, outcome.columns)
            write_kept_fit(path / KEPT, outcome.kept)
            write_finding(path / self.file, outcome.findings)
        except ImprintError:
            # An error before the first panel leaves nothing to resume from.
            if not (workspace / "panels.json").exists():
                shutil.rmtree(path)
            raise
        shutil.rmtree(workspace, ignore_errors=True)
        self.on_fit(outcome)


@dataclass(frozen=True, eq=False)
class LargeOutcome:
    """A fit of many records.

    Attributes:
        columns: the table of all records.
        findings: with their errors.
        large: the fit itself.
        kept: what later queries need of it.
    """

    columns: Table
    findings: FitFindings
    large: LargeFit
    kept: KeptFit


def large_leave_one_out(fit: GaussianFit, options: LargeOptions) -> LargeOutcome:
    """Return a large fit with the table of all records and its findings.

    Raises:
        ImprintError: too little memory or disk, or a matrix that float32 is too coarse for.
    """
    inputs, noise, targets = fit.inputs, fit.noise[0], fit.targets
    log(f"fitting {len(targets):,} records by --method {options.method}")
    large = fit_large(fit.kernel, fit.values, targets, noise, options)
    copies = exact_copies(inputs.raw)
    variances = fit.kernel.diagonal(fit.values)

    def together(alone: SelfInfluence) -> SelfInfluence:
        directions = copies_from_diagonal(alone, large.weights, variances, noise, copies)
        return influence_with_copies(alone, directions, targets, noise, copies)

    def columns_of(influence: SelfInfluence) -> Table:
        return record_table(fit, together(influence), influence, copies)

    extremes = check_extremes(
        large,
        variances,
        copies,
        lambda influence: torch.from_numpy(named_rows(columns_of(influence))).to(fit.device),
        lambda influence: together(influence).kl_out_in,
    )
    columns = columns_of(extremes.influence)
    check_columns(columns, noise)
    evidence = large.log_evidence
    if not isinstance(evidence, Missing):
        evidence -= len(targets) * density_offset(fit.units)
    checked = None if large.variance_bound is None else checked_extremes(extremes, columns)
    facts = {}
    if inputs.kind != "classes":
        facts = target_facts(together(extremes.influence), targets, columns, inputs.kind)
    findings = fit_findings(
        columns,
        targets.shape[1],
        find_duplicates(with_target_groups(columns, targets, inputs.kind), copies, None, None),
        kernel=fit.kernel_settings,
        kernel_error=fit.kernel_error,
        noise=noise,
        classes=inputs.classes,
        log_evidence=evidence,
        approximation=large.findings(checked),
        **facts,
    )
    return LargeOutcome(columns, findings, large, kept_fit(large, extremes))


def check_method(choice: MethodChoice, noise: tuple[float | Literal["auto"], ...]) -> None:
    """Check that no option is set which the method ignores.

    Raises:
        ImprintError: one is, or there are several noise variances.
    """
    usual = MethodChoice()
    for name in _UNREAD.get(choice.method, ("landmarks", "probes")):
        if getattr(choice, name) != getattr(usual, name):
            raise ImprintError(f"--{name} does not apply to --method {choice.method}: leave it out")
    if choice.method != "dense" and takes_spectrum(noise):
        what = "--noise auto" if AUTO in noise else "a noise path"
        raise ImprintError(
            f"{what} takes an eigendecomposition, which --method {choice.method} does not "
            "make: give one --noise, chosen by --method dense on fewer --records if need be"
        )


def check_solver(options: SolverOptions, method: str) -> None:
    """Check that no option of queries is set which a dense fit ignores, and name measures.

    Raises:
        ImprintError: one is, or there is no such measure.
    """
    usual = SolverOptions()
    for field in fields(SolverOptions):
        if method == "dense" and getattr(options, field.name) != getattr(usual, field.name):
            raise ImprintError(f"--{field.name} does not apply to --method dense: leave it out")
    wanted_measures(options.measures)


def large_options(
    choice: MethodChoice, seed: int, device: torch.device, workspace: Path
) -> LargeOptions:
    """Return the options of a fit; the memory of a killed one is in its workspace."""
    options = LargeOptions(
        method=choice.method if choice.method != "dense" else "auto",
        memory=None if choice.memory is None else int(choice.memory * 2**30),
        workspace=workspace,
        landmarks=choice.landmarks,
        probes=choice.probes,
        seed=seed,
    )
    if options.memory is not None:
        return options
    # Panels are as wide as the memory allows: those of a killed fit fit no other width.
    kept = workspace / "memory.json"
    if kept.is_file():
        return replace(options, memory=int(read_json(kept)))
    free = free_memory(device)
    if free is None:
        return options
    options = replace(options, memory=max(1, int(FREE_MEMORY_SHARE * free)))
    workspace.mkdir(parents=True, exist_ok=True)
    write_json(kept, options.memory)
    return options


def checked_extremes(extremes: Extremes, columns: Table) -> CheckedExtremes:
    """Return which named records were computed exactly, and how many others may be the most."""
    rows = named_rows(columns)
    exact = columns["index"][rows[extremes.exact.cpu().numpy()[rows]]]
    return CheckedExtremes(tuple(exact.tolist()), extremes.possible)
