"""The fit of more records than a kernel matrix has room for: values of the records, and errors.

What it writes is what the dense fit writes, but for what needs the whole inverse: queries, noise
paths and collinear records. Their place in the findings says why.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.choice import kernel_settings
from imprint.lenses.leave_one_out.large.extremes import Extremes, check_extremes
from imprint.lenses.leave_one_out.large.fit import LargeFit, fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.posterior.duplicates import (
    copies_from_diagonal,
    exact_copies,
    influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.findings import fit_findings, named_rows
from imprint.lenses.leave_one_out.posterior.options import MethodChoice
from imprint.lenses.leave_one_out.posterior.records import record_columns
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.lenses.leave_one_out.study.fit import RECORDS, STEP, Fit, check_columns, tell_copies
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

GIB = 2**30
SHARE = 0.8
"""Of the memory that is free."""
MOST_MEMORY = 1_000_000
"""GiB."""
NO_QUERIES = "queries need the whole inverse: choose --method dense, on fewer --records if need be"


def check_method(choice: MethodChoice, noise: tuple[float, ...]) -> None:
    """Check how many records are to be fitted.

    Raises:
        ImprintError: options that the method ignores, that will not do, or a noise path.
    """
    usual = MethodChoice()
    unread = {
        "dense": ("memory", "landmarks", "probes"),
        "auto": (),
        "nystrom": (),
    }.get(choice.method, ("landmarks", "probes"))
    for name in unread:
        if getattr(choice, name) != getattr(usual, name):
            raise ImprintError(f"--{name} means nothing to --method {choice.method}: leave it out")
    if choice.memory is not None and not 0 < choice.memory <= MOST_MEMORY:
        raise ImprintError(
            f"--memory is {choice.memory:g} GiB: it must be above 0 and no more than "
            f"{MOST_MEMORY:,}"
        )
    if choice.method != "dense" and len(noise) > 1:
        raise ImprintError(
            f"a noise path takes an eigendecomposition, which --method {choice.method} does not "
            "make: give one --noise"
        )
    LargeOptions(landmarks=choice.landmarks, probes=choice.probes)


def large_settings(found: Fit, choice: MethodChoice, seed: int) -> dict[str, Any]:
    """Return everything that the tables of such a fit depend on, as JSON values."""
    names = ("method", "memory", "landmarks", "probes")
    return {**found.settings, **{name: getattr(choice, name) for name in names}, "seed": seed}


def large_steps(study: Study, found: Fit, choice: MethodChoice, seed: int) -> dict[str, Any]:
    """Fit, write ``leave_one_out/``, tell of duplicates; return the findings.

    An interrupted out_of_core fit goes on from the panels it wrote; they go when it is done.

    Args:
        study: gets ``leave_one_out``: ``records.parquet`` and ``findings.json``.
        found: from :func:`imprint.lenses.leave_one_out.study.fit.check_fit`.
        choice: any method but dense.
        seed: of landmarks, random signs and checked records.

    Raises:
        ImprintError: too little memory or disk, or a matrix that float32 is too coarse for.
    """
    settings = large_settings(found, choice, seed)

    def build(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        workspace = folder / "panels"
        try:
            write_large(folder, found, large_options(choice, seed, found.device, workspace))
        except ImprintError:
            # What was refused before a panel was written leaves nothing to go on from.
            if not (workspace / "panels.json").exists():
                shutil.rmtree(folder)
            raise
        shutil.rmtree(workspace, ignore_errors=True)

    folder = study.step(STEP, settings, build, resumable=True)
    findings: dict[str, Any] = read_json(folder / "findings.json")
    tell_copies(findings)
    return findings


def large_options(
    choice: MethodChoice, seed: int, device: torch.device, workspace: Path
) -> LargeOptions:
    """Return the options of a fit; what a killed one was given is in its workspace."""
    memory = None if choice.memory is None else int(choice.memory * GIB)
    options = LargeOptions(
        method=choice.method if choice.method != "dense" else "auto",
        memory=memory,
        workspace=workspace,
        landmarks=choice.landmarks,
        probes=choice.probes,
        seed=seed,
    )
    if memory is not None:
        return options
    # Panels are as wide as the memory allows: those of a killed fit fit no other width.
    told = workspace / "memory.json"
    if told.is_file():
        return replace(options, memory=int(read_json(told)))
    free = free_memory(device)
    if free is None:
        return options
    options = replace(options, memory=max(1, int(SHARE * free)))
    workspace.mkdir(parents=True, exist_ok=True)
    write_json(told, options.memory)
    return options


def write_large(folder: Path, found: Fit, options: LargeOptions) -> None:
    """Write the table of a fit and its findings."""
    inputs, choice = found.inputs, found.choice
    noise, targets = choice.noise[0], found.targets
    log(f"fitting {len(targets):,} records by --method {options.method}")
    large = fit_large(found.kernel, found.values, targets, noise, options)
    copies = exact_copies(inputs.given)
    variances = found.kernel.diagonal(found.values)

    def together(alone: SelfInfluence) -> SelfInfluence:
        directions = copies_from_diagonal(alone, large.weights, variances, noise, copies)
        return influence_with_copies(alone, directions, targets, noise, copies)

    def columns_of(influence: SelfInfluence) -> Table:
        named = {"index": inputs.index, "label": inputs.labels}
        return {**named, **record_columns(together(influence), influence, targets, copies)}

    extremes = check_extremes(
        large,
        variances,
        copies,
        lambda influence: torch.from_numpy(named_rows(columns_of(influence))).to(found.device),
        lambda influence: together(influence).kl_out_in,
    )
    columns = columns_of(extremes.influence)
    check_columns(columns, noise)
    write_table(folder / RECORDS, columns)
    findings = {
        "kernel": kernel_settings(choice),
        "noise": noise,
        "classes": list(inputs.classes),
        **fit_findings(columns, targets.shape[1], copies, None, None),
        "approximation": approximation(large)
        | {
            "extremes": extremes_of(extremes, columns) if large.variance_bound is not None else None
        },
    }
    write_json(folder / "findings.json", findings)


def extremes_of(extremes: Extremes, columns: Table) -> dict[str, Any]:
    """Return which named records were computed exactly, and how many others may be the most."""
    rows = named_rows(columns)
    exact = columns["index"][rows[extremes.exact.cpu().numpy()[rows]]]
    return {"exact": exact.tolist(), "possible": extremes.possible}


def approximation(large: LargeFit) -> dict[str, Any]:
    """Return method and errors as JSON values."""
    told = large.to_dict()
    told["checked"] = len(large.checked)
    if large.correction_error is not None:
        told["leverage_error"] = float(large.correction_error.median())
    return told
