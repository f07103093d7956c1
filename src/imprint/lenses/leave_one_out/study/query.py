"""``leave-one-out query``: a finished fit is asked more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.study.additions import addition_step
from imprint.lenses.leave_one_out.study.among import among_step
from imprint.lenses.leave_one_out.study.asked import query_step
from imprint.lenses.leave_one_out.study.fit import STEP, Fit, check_fit, double_device
from imprint.lenses.leave_one_out.study.groups import group_step, named_groups
from imprint.lenses.leave_one_out.study.inputs import Queries, queries_from
from imprint.lenses.leave_one_out.study.large import NO_QUERIES
from imprint.lenses.leave_one_out.study.options import FitOptions, QueryOptions
from imprint.lenses.leave_one_out.study.study import read_fitted
from imprint.report.summary import new_summary, read_summary
from imprint.study.config import parse
from imprint.study.json_io import read_json, write_json
from imprint.study.npz import read_npz
from imprint.study.store import Study, card_path


def query_study(options: QueryOptions) -> dict[str, Any]:
    """Read the records of a fit again, fit, and ask; return what was written.

    A fit keeps no copy of its records and no matrix: where they came from stands in its
    ``options.yaml``, and a hash tells whether they are still the same.

    Returns:
        what is told of queries, and of groups, additions and the records themselves by name.

    Raises:
        ImprintError: nothing asked, no finished fit, its records have changed, or queries that do
            not fit them.
    """
    from imprint.report.page import write_report

    if not (options.queries or options.groups or options.add or options.among_records):
        raise ImprintError("nothing is asked: give --queries, --groups, --add or --among-records")
    made = _made(options.fit)
    study = Study(options.out)
    with study.locked(), one_thread_a_sum():
        inputs, _, _ = read_fitted(made)
        found = check_fit(inputs, made, double_device(options.device))
        if read_json(card_path(options.fit / STEP))["settings"] != found.settings:
            raise ImprintError(
                f"the records that {options.fit} was fitted to have changed: fit again"
            )
        told = _asked(study, found, options)
        write_json(study.path("summary.json"), _summary(study, options, told))
        page = write_report(study.root)
        log(f"report: {page}")
    queries: dict[str, Any] = told.pop("queries", {})
    return {**queries, **told}


def _made(fit: Path) -> FitOptions:
    """Return the options of a finished fit."""
    settings = fit / "options.yaml"
    if not settings.is_file() or not card_path(fit / STEP).is_file():
        raise ImprintError(f"no finished fit at {fit}: make one with imprint leave-one-out fit")
    words = ["--config", str(settings), "--out", str(fit)]
    made = parse(FitOptions, words, program="imprint leave-one-out fit")
    if made.method != "dense":
        raise ImprintError(f"{fit} was fitted by --method {made.method}: {NO_QUERIES}")
    return made


def _asked(study: Study, found: Fit, options: QueryOptions) -> dict[str, Any]:
    queries = added = None
    if options.queries is not None:
        queries = _read(found, options.queries, ("queries", "query_labels"), ("queries",))
    if options.add is not None:
        added = _read(found, options.add, ("x", "y"), ("x", "y"))
    if options.groups:
        named_groups(found.inputs, options.groups)
    told = {}
    if queries is not None:
        told["queries"] = query_step(study, found, queries)
    if options.groups:
        told["groups"] = group_step(study, found, options.groups, queries)
    if added is not None:
        told["additions"] = addition_step(study, found, added, queries)
    if options.among_records:
        told["among_records"] = among_step(study, found)
    return told


def _read(found: Fit, file: Path, names: tuple[str, str], required: tuple[str, ...]) -> Queries:
    optional = tuple(name for name in names if name not in required)
    return queries_from(found.inputs, file, read_npz(file, required, optional), names)


def _summary(study: Study, options: QueryOptions, told: dict[str, Any]) -> dict[str, Any]:
    """Return the summary of the folder with what was asked now; OUT may be that of the fit."""
    path, fit = study.path("summary.json"), Study(options.fit).hash_of(STEP)
    if path.is_file():
        summary = read_summary(study.root)
        same = summary["data"].get("fit_card") == fit
        if same or options.out.resolve() == options.fit.resolve():
            summary["lenses"]["leave_one_out"] |= told
            return summary
    name = options.queries or options.add or options.fit
    data = {"name": name.stem, "fit": options.fit.resolve().name, "fit_card": fit}
    return new_summary(data, {"leave_one_out": dict(told)})
