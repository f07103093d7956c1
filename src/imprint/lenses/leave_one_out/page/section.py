"""The leave-one-out section: who would be missed, how much, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imprint.lenses.leave_one_out.page.figures import leave_one_out_figures
from imprint.lenses.leave_one_out.page.gallery import read_missed, reason
from imprint.lenses.leave_one_out.page.section_asked import asked, together
from imprint.lenses.leave_one_out.posterior.findings import NAMED_RECORDS, distinct_records
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.report.headline import Headline
from imprint.report.inputs import estimate, lookup, mapping, number, read_columns
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.report.wording import count, decimal, percent
from imprint.stats.estimate import Estimate
from imprint.study.tables import Table

LENS = "leave_one_out"
COLUMNS = (
    "label",
    "auc",
    "first_copy",
    "leverage",
    "residual_norm",
    "memorization",
    "kl_out_in",
    "kl_variance",
    "prediction_out",
)
ERRORS = {
    "leverage": "leverage",
    "kl_out_in": "KL(out ‖ in)",
    "kl_in_out": "KL(in ‖ out)",
    "mean_distance": "mean distance",
}


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a leave-one-out fit, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if LENS not in mapping(summary, "lenses"):
        return None
    findings = mapping(summary, "lenses", LENS)
    if "kernel" not in findings:
        return None
    records = distinct_records(read_columns(root / LENS / "records.parquet", *COLUMNS))
    path = mapping(findings, "noise_path") if "noise_path" in findings else None
    told, given_away = estimate(findings, "distinguishable"), estimate(findings, "given_away")
    typical = estimate(findings, "tpr", "median")
    html = render(
        "leave_one_out.html.j2",
        verdict=_verdict(
            typical,
            given_away,
            number(findings, "given_away", "tpr"),
            number(findings, "given_away", "fpr"),
        ),
        headlines=_headlines(findings, records, told),
        kernel=_kernel(mapping(findings, "kernel")),
        name=str(lookup(findings, "kernel", "name")),
        noise=number(findings, "noise"),
        records=number(findings, "records"),
        distinct=number(findings, "distinct"),
        freedom=number(findings, "effective_degrees_of_freedom"),
        kl=estimate(findings, "kl_out_in", "median"),
        precision=_precision(findings),
        alarms=1 / number(findings, "given_away", "fpr"),
        duplicates=_duplicates(findings),
        figures=leave_one_out_figures(records, path),
        path=None if path is None else _rows(path),
        gallery=read_missed(root / "gallery" / LENS),
        most=_most(records, [str(name) for name in lookup(findings, "classes")]),
        queries=asked(findings),
        **together(findings),
    )
    anchors = (("leave-one-out-result", "Leave one out"), ("leave-one-out-records", "Missed most"))
    return Section(LENS, "Leave one out", html, order=40, anchors=anchors)


def _verdict(
    typical: Estimate, given_away: Estimate, rate: float, alarms: float
) -> tuple[str, str]:
    """Return the kind and the heading of what the records allow to say.

    A record is given away when its own prediction proves its presence more often than not though
    false alarms are rare. An AUC above ½ is no such proof, and nearly every record has one.

    Args:
        typical: true positive rate at ``alarms`` of the median record.
        given_away: share of records with ``rate`` or more.
        rate: true positive rate from which on a record counts as given away.
        alarms: false positive rate.
    """
    once = f"at one false alarm in {count(1 / alarms)}"
    if typical.value >= rate:
        return "found", (
            f"The prediction for a typical record gives it away: {once}, it is found out in "
            f"{percent(typical.value)} of cases"
        )
    if given_away.value > 0:
        return "found", (
            f"Some records are given away: {once}, {percent(given_away.value)} of all are found "
            f"out more often than not, a typical one in {percent(typical.value)} of cases"
        )
    return "nothing", (
        f"No record is found out more often than not: {once}, a typical one is "
        f"found out in {percent(typical.value)} of cases"
    )


def _precision(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how exact the numbers are: a residual of a dense fit, measured errors of others."""
    if "approximation" not in findings:
        return {"method": None, "residual": number(findings, "inverse_residual")}
    told = mapping(findings, "approximation")
    return {
        "method": str(lookup(told, "method")).replace("_", " "),
        "checked": number(told, "checked"),
        "weights": number(told, "weights_error_at_most"),
        "passes": number(told, "passes"),
        "extremes": told.get("extremes"),
        "errors": [
            (what, estimate(found, "median"), estimate(found, "quantile95"), number(found, "bias"))
            for name, what in ERRORS.items()
            if (found := mapping(told, "relative_error", name))
        ],
    }


def _headlines(findings: Mapping[str, Any], records: Table, told: Estimate) -> list[Headline]:
    accuracy = estimate(findings, "leave_one_out_accuracy")
    commonest = np.bincount(records["label"]).max() / len(records["label"])
    typical = estimate(findings, "auc", "median")
    auc = number(findings, "distinguishable", "auc")
    return [
        Headline(
            "Right without themselves",
            accuracy,
            float(commonest),
            f"Fitted to all other records, the model names the class of {percent(accuracy.value)} "
            f"of the records. Always naming the commonest class: {percent(float(commonest))}.",
            nothing="the commonest class",
        ),
        Headline(
            "Told by its absence",
            typical,
            0.5,
            f"Shown the prediction for the record itself, an observer tells which of two models "
            f"was fitted without it in {percent(typical.value)} at the median record, and in "
            f"{decimal(100 * auc, 0)}% or more at {percent(told.value)} of the records.",
            nothing="guessing",
        ),
    ]


def _kernel(kernel: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (key.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value))
        for key, value in kernel.items()
        if key != "name"
    ]


def _duplicates(findings: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    return {
        kind: None
        if "missing" in mapping(findings, "duplicates", kind)
        else {
            "groups": number(findings, "duplicates", kind, "groups"),
            "records": number(findings, "duplicates", kind, "records"),
            "first": list(lookup(findings, "duplicates", kind, "first")),
            "disputed": list(mapping(findings, "duplicates", kind).get("disputed", [])),
            "distance": mapping(findings, "duplicates", kind).get("distance"),
            "conflicting": mapping(findings, "duplicates", kind).get("conflicting", 0),
        }
        for kind in ("exact", "near", "collinear")
    }


def _rows(columns: Mapping[str, Any]) -> list[dict[str, float]]:
    names = list(columns)
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*(columns[name] for name in names), strict=True)
    ]


def _most(records: Table, classes: list[str]) -> list[dict[str, Any]]:
    by_label = label_stands_out(records["kl_out_in"], records["kl_variance"])
    order = np.argsort(-records["kl_out_in"], kind="stable")[:NAMED_RECORDS]
    return [
        {
            "index": int(records["index"][row]),
            "label": classes[int(records["label"][row])],
            "prediction_out": classes[int(records["prediction_out"][row])],
            "kl": float(records["kl_out_in"][row]),
            "auc": float(records["auc"][row]),
            "memorization": float(records["memorization"][row]),
            "reason": reason(bool(by_label[row])),
        }
        for row in order
    ]
