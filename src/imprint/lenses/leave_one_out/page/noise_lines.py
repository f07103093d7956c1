"""Lines from uniform noise to removed records, on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.leave_one_out.noise_line_findings import NoiseLineFindings
from imprint.report.blocks import Figures, Paragraph, Part
from imprint.report.figure import Axis, Figure, Level, Lines, Series
from imprint.report.marks import Colour
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import percent, plural, with_interval
from imprint.study.finding import from_json

NOISE_LINES = "leave_one_out_noise_lines"
MEASURES: Mapping[str, tuple[str, Colour]] = {
    "kl_out_in": ("divergence", "target"),
    "auc": ("AUC above ½", "reference"),
    "mean_distance": ("mean distance", "correlated"),
}


@TERMINAL.register(NOISE_LINES)
def show_noise_lines(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what the terminal shows of lines from noise."""
    return [noise_line_table(from_json(NoiseLineFindings, lens, "summary.json"))]


def noise_line_table(findings: NoiseLineFindings) -> Table:
    """Return where on the way the record shows."""
    rows: list[list[Value | Cell]] = [
        [
            "divergence at the noise, share of the bound",
            Cell(findings.at_noise, with_interval(findings.at_noise, percent)),
        ],
        [
            "way after which half of it is reached",
            Cell(findings.half_way, with_interval(findings.half_way, percent)),
        ],
        [
            "lines along which it never falls",
            Cell(findings.rising, with_interval(findings.rising, percent)),
        ],
    ]
    title = "From uniform noise to the record"
    return Table([Column("Measure"), Column("Value")], rows, title=title, headings=False)


def noise_line_part(findings: NoiseLineFindings) -> Part:
    """Return the part of the page on lines from noise."""
    each = "" if findings.lines == 1 else f" (means of {findings.lines} lines each)"
    note = Paragraph(
        f"Straight lines from images of uniform noise to each of "
        f"{plural(findings.records, 'removed record')}{each}. Half of the divergence at the record "
        f"is reached after {with_interval(findings.half_way, percent)} of the way: "
        + (
            "a query must be nearly the record before it reveals its absence."
            if findings.half_way.low > 0.5
            else "an input that only resembles the record already reveals its absence."
            if findings.half_way.high < 0.5
            else "about half of the way to the record is needed to reveal its absence."
        )
    )
    title, anchor = "From noise to the record", "leave-one-out-noise-lines"
    return Part(title, [note, Figures([noise_line_figure(findings)])], anchor, title)


def noise_line_figure(findings: NoiseLineFindings) -> Figure:
    """Return each measure along the way, over its value at the record."""
    half = findings.half_way.value
    return Lines(
        name="from-noise",
        title="Leave-one-out measures on the way from noise to the record",
        caption="Medians over records with 95% intervals, over the value at the record.",
        description="Lines: each measure over its value at the record, from noise (0%) to the "
        f"record (100%); the divergence reaches one half at {percent(half)}.",
        x=Axis("way from noise to the record (%)", low=0, high=100),
        y=Axis("over that at the record", low=0),
        series=[
            Series(
                name,
                [100 * share for share in findings.shares],
                findings.curves[measure].median,
                findings.curves[measure].low,
                findings.curves[measure].high,
                band=True,
                colour=colour,
            )
            for measure, (name, colour) in MEASURES.items()
        ],
        levels=[Level(1)],
    )
