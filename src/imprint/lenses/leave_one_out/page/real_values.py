"""What the page of a fit of real values shows in place of classes."""

from __future__ import annotations

from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.report.headline import Headline
from imprint.report.table import Column
from imprint.report.wording import percent, significant

MAX_OUTPUTS = 2
"""Outputs that tables of records show."""


def value_names(findings: FitFindings) -> list[str]:
    """Return the columns of targets and predictions that tables of records show."""
    if findings.targets != "values":
        return []
    outputs = range(min(findings.outputs, MAX_OUTPUTS))
    return [f"{name}_{place}" for place in outputs for name in ("target", "leave_one_out_mean")]


def value_columns(findings: FitFindings) -> list[Column]:
    """Return them as columns of a table."""
    columns = []
    for name in value_names(findings):
        kind, _, place = name.rpartition("_")
        title = "Target" if kind == "target" else "Prediction without it"
        title += f" {place}" if findings.outputs > 1 else ""
        columns.append(Column(title, significant, key=name))
    return columns


def value_headlines(findings: FitFindings) -> list[Headline]:
    """Return how well real values are predicted without their records."""
    explained = findings.explained_variance
    if explained is None:
        return []
    sentence = (
        f"Fitted to all other records, the model predicts {percent(explained.value)} of the "
        "variance of the targets. At 0 it predicts no better than their mean."
    )
    title = "Variance explained without each record"
    return [Headline(title, explained, 0.0, sentence)]
