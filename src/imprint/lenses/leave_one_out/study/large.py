"""The step of a fit of more records than a kernel matrix has room for, with its errors.

It writes what the dense fit writes, except for what needs the whole inverse: queries, noise paths
and collinear records. Their place in the findings says why.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import log
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import CheckedExtremes, FitFindings
from imprint.lenses.leave_one_out.large.extremes import Extremes, check_extremes
from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.options import MethodChoice
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
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.dense import (
    RECORDS,
    STEP,
    check_columns,
)
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.record_table import record_table
from imprint.study.finding import write_finding
from imprint.study.json_io import read_json, write_json
from imprint.study.tables import Table

FREE_MEMORY_SHARE = 0.8
NO_QUERIES = Missing(
    "queries need the whole inverse: choose --method dense, on fewer --records if need be"
)
_UNREAD = {"dense": ("memory", "landmarks", "probes"), "auto": (), "nystrom": ()}
"""Options that a method ignores; the others ignore those of nystrom."""


@dataclass(frozen=True, eq=False)
class LargeLeaveOneOut(FindingStep[FitFindings]):
    """Write ``leave_one_out/``: ``records.parquet`` and ``findings.json``.

    An interrupted out_of_core fit resumes from the panels it wrote; they are removed at the end.
    """

    fit: GaussianFit
    choice: MethodChoice
    seed: int

    artefact = STEP
    kind = FitFindings
    resumable = True

    def build(self, path: Path) -> None:
        """Write the table of the fit and its findings."""
        path.mkdir(parents=True, exist_ok=True)
        workspace = path / "panels"
        try:
            options = large_options(self.choice, self.seed, self.fit.device, workspace)
            columns, findings = large_leave_one_out(self.fit, options)
            write_meant(path / RECORDS, columns)
            write_finding(path / self.file, findings)
        except ImprintError:
            # An error before the first panel leaves nothing to resume from.
            if not (workspace / "panels.json").exists():
                shutil.rmtree(path)
            raise
        shutil.rmtree(workspace, ignore_errors=True)


def large_leave_one_out(fit: GaussianFit, options: LargeOptions) -> tuple[Table, FitFindings]:
    """Return the table of all records of a large fit, and its findings with their errors.

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
    return columns, fit_findings(
        columns,
        targets.shape[1],
        find_duplicates(columns, copies, None, None),
        kernel=fit.kernel_settings,
        noise=noise,
        classes=inputs.classes,
        log_evidence=evidence,
        approximation=large.findings(checked),
    )


def check_method(choice: MethodChoice, noise: tuple[float, ...]) -> None:
    """Check that no option is set which the method ignores.

    Raises:
        ImprintError: one is, or there are several noise variances.
    """
    usual = MethodChoice()
    for name in _UNREAD.get(choice.method, ("landmarks", "probes")):
        if getattr(choice, name) != getattr(usual, name):
            raise ImprintError(f"--{name} does not apply to --method {choice.method}: leave it out")
    if choice.method != "dense" and len(noise) > 1:
        raise ImprintError(
            f"a noise path takes an eigendecomposition, which --method {choice.method} does not "
            "make: give one --noise"
        )


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
