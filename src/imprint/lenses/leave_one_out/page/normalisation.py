"""The section on normalising each model by the statistics of its own images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.lenses.leave_one_out.normalisation_findings import NormalisationFindings
from imprint.report.blocks import Block, Verdict
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import decimal, percent, plural, significant, with_interval
from imprint.study.finding import from_json

NORMALISATION = "leave_one_out_normalisation"
SMALL_DIFFERENCE = 0.05
"""Median relative difference below which the choice is called immaterial."""


@SECTIONS.register(NORMALISATION)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section, or None when the study has none.

    Raises:
        ImprintError: the finding is damaged.
    """
    del root
    if NORMALISATION not in summary["lenses"]:
        return None
    findings = from_json(NormalisationFindings, summary["lenses"][NORMALISATION], "summary.json")
    blocks: list[Block] = [_verdict(findings), normalisation_table(findings)]
    return Section(NORMALISATION, "Statistics that images are normalised by", blocks, order=41)


@TERMINAL.register(NORMALISATION)
def show_normalisation(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what the terminal shows."""
    return [normalisation_table(from_json(NormalisationFindings, lens, "summary.json"))]


def normalisation_table(findings: NormalisationFindings) -> Table:
    """Return values by the statistics, and how far they are apart."""
    divergences = {
        "KL(out ‖ in), statistics without the record": findings.kl_independent,
        "KL(out ‖ in), each model its own": findings.kl_dependent,
    }
    differences = {
        "relative difference of the divergence": findings.difference,
        "relative difference of the mean distance": findings.distance_difference,
    }
    rows: list[list[Value | Cell]] = [
        [name, Cell(value, f"{with_interval(value, significant)} nats")]
        for name, value in divergences.items()
    ]
    rows += [
        [name, Cell(value, with_interval(value, percent))] for name, value in differences.items()
    ]
    rows.append(["largest difference of the divergence", percent(findings.largest_difference)])
    if findings.spearman is not None:
        rows.append(["rank correlation over records", decimal(findings.spearman, 3)])
    title = "Normalised by which images (medians over records)"
    return Table([Column("Measure"), Column("Value")], rows, title=title, headings=False)


def _verdict(findings: NormalisationFindings) -> Verdict:
    apart = findings.difference
    if apart.high < SMALL_DIFFERENCE:
        statement = "Whether the model without a record is normalised by itself hardly matters"
    elif apart.low > SMALL_DIFFERENCE:
        statement = "Whether the model without a record is normalised by itself matters"
    else:
        statement = "Whether the model without a record is normalised by itself may matter"
    question = (
        f"{plural(findings.records, 'record')} left out one at a time, and each model normalised "
        "by the mean and deviation of its own images: divergences differ by "
        f"{with_interval(apart, percent)} (median) from those where the images without the record "
        "normalise both."
    )
    return Verdict(
        statement,
        [question],
        found=False,
        anchor="leave-one-out-normalisation",
        link="Normalisation",
    )
