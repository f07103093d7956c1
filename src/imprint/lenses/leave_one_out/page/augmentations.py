"""The section on augmentations of removed records: as queries, and as near copies in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.lenses.leave_one_out.augmentation_findings import AugmentationFindings
from imprint.report.blocks import Block, Figures, Paragraph, Part, Verdict, conclusions
from imprint.report.figure import Axis, Figure, Intervals, Level, Lines
from imprint.report.figures.intervals import Interval, IntervalGroup
from imprint.report.marks import estimates
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import percent, plural, with_interval
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

AUGMENT = "leave_one_out_augmentations"


@SECTIONS.register(AUGMENT)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is damaged.
    """
    del root
    if AUGMENT not in summary["lenses"]:
        return None
    findings = from_json(AugmentationFindings, summary["lenses"][AUGMENT], "summary.json")
    blocks: list[Block] = [
        _verdict(findings),
        augmentation_table(findings),
        Figures([query_figure(findings)]),
    ]
    if findings.augmented is not None:
        note = Paragraph(_copy_note(findings))
        parts: list[Block] = [note, copy_table(findings), Figures([copy_figure(findings)])]
        blocks.append(Part("Near copies in the data", parts, "leave-one-out-copies", "Near copies"))
    blocks.append(
        conclusions(
            ["No query reveals more than the record itself: shares are at most 1."],
            [
                "Copies lower what the absence of one record reveals. They do not lower what the "
                "predictions reveal of all of them together.",
                "A trained network sees augmentations in training, which this model does not.",
            ],
        )
    )
    return Section(AUGMENT, "Augmentations of removed records", blocks, order=32)


@TERMINAL.register(AUGMENT)
def show_augmentations(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what the terminal shows."""
    findings = from_json(AugmentationFindings, lens, "summary.json")
    copies = [] if findings.augmented is None else [copy_table(findings)]
    return [augmentation_table(findings), *copies]


def augmentation_table(findings: AugmentationFindings) -> Table:
    """Return one row per kind, the most revealing one first."""
    ordered = sorted(findings.kinds.items(), key=lambda pair: -pair[1].share.value)
    rows: list[list[Value | Cell]] = [
        ["the record itself", Cell(1.0, "100%"), _cell(findings.auc_at_record)],
    ]
    for name, kind in ordered:
        rows.append([name.replace("_", " "), _cell(kind.share), _cell(kind.auc)])
    columns = [Column("Query"), Column("Share of the bound"), Column("AUC")]
    return Table(columns, rows, title="Queries that are augmentations of the removed record")


def _cell(estimate: Estimate) -> Cell:
    return Cell(estimate, with_interval(estimate, percent))


def query_figure(findings: AugmentationFindings) -> Figure:
    """Return the share of the bound of each kind of query."""
    ordered = sorted(findings.kinds.items(), key=lambda pair: -pair[1].share.value)
    return Intervals(
        name="augmented-queries",
        title="What an augmentation of the record reveals",
        caption="KL(out ‖ in) at the augmented record over that at the record itself, which bounds "
        "every query: medians over records with 95% intervals.",
        description="Shares of the bound: "
        + ", ".join(f"{name} {percent(kind.share.value)}" for name, kind in ordered)
        + ".",
        axis=Axis("share of the bound", low=0, high=1.02),
        groups=[
            IntervalGroup(
                [
                    Interval(
                        name.replace("_", " "), kind.share.value, kind.share.low, kind.share.high
                    )
                    for name, kind in ordered
                ]
            )
        ],
    )


def copy_table(findings: AugmentationFindings) -> Table:
    """Return one row per number of copies."""
    augmented, exact = findings.augmented, findings.exact
    assert augmented is not None
    assert exact is not None
    rows: list[list[Value | Cell]] = [
        [str(count), *(_cell(curve[place]) for curve in (augmented.share, exact.share))]
        for place, count in enumerate(findings.copies)
    ]
    columns = [Column("Copies"), Column("Augmented copies"), Column("Exact copies")]
    title = "Divergence without the record beside copies, over that without copies"
    return Table(columns, rows, title=title)


def copy_figure(findings: AugmentationFindings) -> Figure:
    """Return the divergence at the record by the number of copies in both data sets."""
    augmented, exact = findings.augmented, findings.exact
    assert augmented is not None
    assert exact is not None
    last = augmented.share[-1].value, exact.share[-1].value
    return Lines(
        name="copies",
        title="How near copies hide a record",
        caption="KL(out ‖ in) at the record when both data sets hold copies of it, over that "
        "without copies: medians over records with 95% intervals.",
        description=f"Lines: with {findings.copies[-1]} copies {percent(last[0])} of the "
        f"divergence is left beside augmented ones, {percent(last[1])} beside exact ones.",
        x=Axis("copies in both data sets", low=0, whole=True),
        y=Axis("share of the divergence left", low=0),
        series=[
            estimates("augmented copies", findings.copies, augmented.share, colour="target"),
            estimates("exact copies", findings.copies, exact.share, colour="reference"),
        ],
        levels=[Level(1)],
    )


def _verdict(findings: AugmentationFindings) -> Verdict:
    ordered = sorted(findings.kinds.items(), key=lambda pair: pair[1].share.value)
    (least, weak), (most, strong) = ordered[0], ordered[-1]
    statement = (
        f"An augmentation of a record reveals from {percent(weak.share.value)} "
        f"({least.replace('_', ' ')}) to {percent(strong.share.value)} "
        f"({most.replace('_', ' ')}) of what the record itself does"
    )
    question = (
        "How much does the prediction for a changed copy of a record reveal of its absence? "
        f"{plural(findings.records, 'record')} left out one at a time, "
        f"{plural(findings.draws, 'random query', 'random queries')} of each kind, divergence in "
        "closed form."
    )
    return Verdict(
        statement,
        [question],
        found=strong.share.low > 0.5,
        anchor="leave-one-out-augmentations",
        link="Augmentations",
    )


def _copy_note(findings: AugmentationFindings) -> str:
    augmented, exact = findings.augmented, findings.exact
    assert augmented is not None
    assert exact is not None
    last = augmented.share[-1]
    effect = "they hide it in part" if last.high < 1 else "they do not clearly hide it"
    return (
        f"With {plural(findings.copies[-1], 'augmented copy', 'augmented copies')} of it in both "
        f"data sets, the absence of a record shows by {with_interval(last, percent)} of the "
        f"divergence without copies: {effect}. Exact copies leave "
        f"{with_interval(exact.share[-1], percent)}."
    )
