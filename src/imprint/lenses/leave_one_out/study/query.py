"""``leave-one-out query``: further queries of a finished fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.findings import FitFindings, QueryStudyFindings
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import FitOptions, MethodChoice, QueryOptions
from imprint.lenses.leave_one_out.study.additions import AddRecords
from imprint.lenses.leave_one_out.study.array_records import (
    is_special,
    read_special_additions,
    read_special_queries,
)
from imprint.lenses.leave_one_out.study.conclude import conclude
from imprint.lenses.leave_one_out.study.dense import STEP, LeaveOneOut
from imprint.lenses.leave_one_out.study.fitted import GaussianFit, check_fit, double_device
from imprint.lenses.leave_one_out.study.groups import LeaveOutGroups, named_groups
from imprint.lenses.leave_one_out.study.inputs import (
    AddedArrays,
    QueryArrays,
    queries_like,
)
from imprint.lenses.leave_one_out.study.large import LargeLeaveOneOut, check_solver
from imprint.lenses.leave_one_out.study.large_answers import answer
from imprint.lenses.leave_one_out.study.large_model import FACTOR, memory_bytes, open_model
from imprint.lenses.leave_one_out.study.queries import AnswerQueries, QueryRecords
from imprint.lenses.leave_one_out.study.query_files import read_query_file
from imprint.lenses.leave_one_out.study.records import read_records
from imprint.report.summary import new_summary, read_summary
from imprint.study.array_file import arrays_from, read_array_file
from imprint.study.config import parse
from imprint.study.counted import part_of
from imprint.study.finding import read_finding, to_json
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study, card_path


def query_study(options: QueryOptions) -> Mapping[str, Any]:
    """Read the records of a fit again, fit, and query; return what was written.

    A fit keeps no copy of its records and no matrix: where they came from stands in its
    ``options.yaml``, and a hash says whether they are still the same.

    Returns:
        the findings about queries, and of groups, additions and pairs of records by name.

    Raises:
        ImprintError: no query at all, no finished fit, its records have changed, or queries that do
            not fit them.
    """
    from imprint.report.page import write_report

    if not (options.queries or options.groups or options.add or options.among_records):
        raise ImprintError("nothing to query: give --queries, --groups, --add or --among-records")
    fit_options = _fit_options(options.fit)
    dense = fit_options.method == "dense"
    check_solver(options, fit_options.method)
    if dense and options.memory is not None:
        raise ImprintError("--memory does not apply to a fit by --method dense: leave it out")
    if options.among_records and not dense:
        raise ImprintError(
            f"--among-records takes the whole inverse, which --method {fit_options.method} does "
            "not make: give the records of interest as --queries, or fit by --method dense"
        )
    study = Study(options.out)
    with study.locked(), one_thread_a_sum():
        inputs, _, _ = read_records(fit_options)
        fit = check_fit(inputs, fit_options, double_device(options.device), dense)
        step: Step = LeaveOneOut(fit)
        if not dense:
            step = LargeLeaveOneOut(fit, part_of(fit_options, MethodChoice), fit_options.seed)
        card = read_json(card_path(options.fit / STEP))
        if not isinstance(card, dict) or card.get("settings") != card_of(step):
            raise ImprintError(
                f"the records that {options.fit} was fitted to have changed: fit again"
            )
        noise = read_finding(FitFindings, options.fit / STEP / LeaveOneOut.file).noise
        findings = _query(study, fit.settled(noise), options, fit_options)
        answers: dict[str, object] = to_json(findings)
        write_json(study.path("summary.json"), _summary(study, options, answers))
        page = write_report(study.root)
    if not options.json:
        from imprint.lenses.leave_one_out.page.queries import show_queries
        from imprint.report.terminal import print_all

        print_all(show_queries(findings))
    log(f"report: {page}")
    log(f"results: {options.out / STEP}")
    queries = answers.pop("queries", {})
    return {**queries, **answers}  # type: ignore[dict-item]  # a mapping of its own


def _fit_options(fit: Path) -> FitOptions:
    """Return the options of a finished fit."""
    settings = fit / "options.yaml"
    if not settings.is_file() or not card_path(fit / STEP).is_file():
        raise ImprintError(f"no finished fit at {fit}: make one with imprint leave-one-out fit")
    words = ["--config", str(settings), "--out", str(fit)]
    return parse(FitOptions, words, program="imprint leave-one-out fit")


def _query(
    study: Study, fit: GaussianFit, options: QueryOptions, fit_options: FitOptions
) -> QueryStudyFindings:
    queries = added = groups = None
    special = is_special(fit_options)
    if fit.inputs.kind == "values" and fit_options.method != "dense":
        raise ImprintError(
            f"queries of real values need the whole inverse, which --method {fit_options.method} "
            "does not make: fit by --method dense"
        )
    if special and options.queries is not None:
        queries = read_special_queries(fit.inputs, fit_options.kernel, options.queries)
    elif options.queries is not None:
        arrays = arrays_from(QueryArrays, read_query_file(options.queries), str(options.queries))
        queries = queries_like(fit.inputs, options.queries, arrays.queries, arrays.query_labels)
    if special and options.add is not None:
        added = read_special_additions(fit.inputs, fit_options.kernel, options.add)
    elif options.add is not None:
        records = read_array_file(AddedArrays, options.add)
        added = queries_like(fit.inputs, options.add, records.x, records.y, ("x", "y"))
    if options.groups:
        groups = named_groups(fit.inputs, options.groups)
    if fit_options.method != "dense":
        memory, factor = memory_bytes(options.memory, fit.device), study.path(FACTOR)
        model = open_model(fit, options.fit, fit_options, options, memory, factor)
        return answer(study, model, options, queries, groups, added)
    return QueryStudyFindings(
        queries=None if queries is None else conclude(study, AnswerQueries(fit, queries)),
        groups=None if groups is None else conclude(study, LeaveOutGroups(fit, groups, queries)),
        additions=None if added is None else conclude(study, AddRecords(fit, added, queries)),
        among_records=conclude(study, QueryRecords(fit)) if options.among_records else None,
    )


def _summary(
    study: Study, options: QueryOptions, answers: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the summary of the folder with the answers; OUT may be that of the fit."""
    path, fit = study.path("summary.json"), Study(options.fit).hash_of(STEP)
    if path.is_file():
        summary = read_summary(study.root)
        same = summary["data"].get("fit_card") == fit
        if same or options.out.resolve() == options.fit.resolve():
            summary["lenses"][STEP] |= answers
            return summary
    name = options.queries or options.add or options.fit
    data = {"name": name.stem, "fit": options.fit.resolve().name, "fit_card": fit}
    return new_summary(data, {STEP: dict(answers)})
