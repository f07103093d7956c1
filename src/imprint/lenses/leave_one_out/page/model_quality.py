"""How well the fitted model predicts, in words and as rows of the table of a fit."""

from __future__ import annotations

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.report.prose import Text, number, prose
from imprint.report.table import Cell, Value
from imprint.report.wording import decimal, fixed, with_interval


def quality_texts(findings: FitFindings) -> list[Text]:
    """Return the log predictive density and the evidence of a fit as a remark."""
    density, evidence = findings.log_predictive_density, findings.log_evidence
    if density is None:
        return []
    texts: list[Text] = [
        prose(
            "<b>Leave-one-out log predictive density: {density} nats per record</b>, 95% interval "
            "{low} to {high}: the mean log density of each record's target, noise included, in the "
            "model without it. Between noise variances or kernels on the same records, higher is "
            "better.",
            density=number(density.value, fixed(3)),
            low=fixed(3)(density.low),
            high=fixed(3)(density.high),
        )
    ]
    if isinstance(evidence, float):
        texts.append(
            prose(
                "Log evidence of all {records} targets under the prior: {evidence} nats.",
                records=f"{findings.records:,}",
                evidence=number(evidence, fixed(1)),
            )
        )
    return texts


def quality_rows(findings: FitFindings) -> list[list[Value | Cell]]:
    """Return the same as rows for the terminal."""
    density, evidence = findings.log_predictive_density, findings.log_evidence
    if density is None:
        return []
    shown = f"{with_interval(density, fixed(3))} nats per record"
    rows: list[list[Value | Cell]] = [["log predictive density", Cell(density, shown)]]
    if isinstance(evidence, Missing):
        rows.append(["log evidence", f"none: {evidence.missing}"])
    elif evidence is not None:
        rows.append(["log evidence", Cell(evidence, f"{decimal(evidence)} nats")])
    return rows
