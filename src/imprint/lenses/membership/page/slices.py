"""Slices of the records on page, terminal and in Python: tables, and what may be claimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.membership.slice_findings import SliceFinding, SliceFindings
from imprint.report.blocks import Block, Details, Paragraph, Part
from imprint.report.result import Result
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, percent, plural, short_percent, significant
from imprint.stats.estimate import Estimate

ERROR = 0.05
"""Adjusted p-value up to which a claim is made."""
TITLES = {"class": "Class", "prediction": "Prediction"}
SHOWN_SLICES = 30
NOTE = (
    "Below each value, its 95% interval for that slice alone. The p-values are corrected for all "
    "claims about all slices together (Holm), so only they tell which slice stands out: among many "
    "slices alike, some intervals miss by chance."
)


@dataclass(frozen=True, repr=False)
class SliceResult(SliceFindings, Result):
    """An attack on every slice; attributes as in :class:`SliceFindings`."""

    def tables(self) -> Sequence[Table]:
        """Return one table a grouping."""
        return slice_tables(self)


def slice_tables(findings: SliceFindings) -> list[Table]:
    """Return one table a grouping, a row a slice, the most exposed first."""
    return [
        _table(findings, name, slices, f"{findings.attack} by {title_of(name).lower()}")
        for name, slices in findings.groupings.items()
    ]


def title_of(grouping: str) -> str:
    """Return the heading of a grouping."""
    return TITLES.get(grouping, grouping)


def _table(
    findings: SliceFindings, name: str, slices: Mapping[str, SliceFinding], title: str
) -> Table:
    rates = _rates(slices)
    exposed = "" if findings.fpr is None else f" at {short_percent(float(findings.fpr))} FPR"
    columns = [
        Column(title_of(name), key="slice"),
        Column("Members", count, on_phone=False),
        Column("AUC", percent),
        *(Column(f"TPR at {short_percent(float(rate))} FPR", percent) for rate in rates),
        Column("Balanced accuracy", percent, on_phone=False),
        Column(f"Exposed{exposed}", percent, key="exposed"),
        Column("Number exposed", count),
        Column("p above chance", significant, key="above_chance"),
        Column("p differs", significant, key="differs"),
    ]
    rows: list[list[Value | Cell]] = [
        [
            slice_name,
            each.members,
            _value(each.auc),
            *(_value(each.tpr_at_fpr.get(rate)) for rate in rates),
            _value(each.balanced_accuracy),
            _value(each.exposed),
            each.number_exposed,
            _value(each.above_chance),
            _value(each.differs),
        ]
        for slice_name, each in sorted(slices.items(), key=_by_exposure)
    ]
    return Table(columns, rows, title=title)


def _value(value: Estimate | Missing | float | None) -> Value:
    return None if isinstance(value, Missing) else value


def _rates(slices: Mapping[str, SliceFinding]) -> list[str]:
    """Return the rates at which some slice could be measured, falling."""
    known = {
        rate
        for each in slices.values()
        for rate, value in each.tpr_at_fpr.items()
        if isinstance(value, Estimate)
    }
    return sorted(known, key=float, reverse=True)


def _by_exposure(item: tuple[str, SliceFinding]) -> tuple[float, str]:
    name, each = item
    return (1.0 if isinstance(each.exposed, Missing) else -each.exposed.value), name


def claims(findings: SliceFindings) -> list[str]:
    """Return what may be claimed of slices, sentences without their full stop."""
    above, differing, small = [], [], 0
    for grouping, slices in findings.groupings.items():
        for name, each in slices.items():
            label = f"{title_of(grouping).lower()} {name}"
            small += isinstance(each.auc, Missing)
            if not isinstance(each.above_chance, Missing) and each.above_chance <= ERROR:
                above.append(label)
            if not isinstance(each.differs, Missing) and each.differs <= ERROR:
                assert isinstance(each.auc, Estimate)
                differing.append(f"{label} (AUC {percent(each.auc.value)})")
    sentences = [
        f"{findings.attack} is above chance in {_listed(above)}"
        if above
        else f"{findings.attack} is above chance in no slice for certain",
        f"AUC differs from that of the other records in {_listed(differing)}"
        if differing
        else "no slice is shown to differ from the other records",
    ]
    if small:
        sentences.append(f"{plural(small, 'slice')} of too few records not judged")
    return sentences


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - 5
    more = f" and {count(rest)} more" if rest > 0 else ""
    return ", ".join(names[:5]) + more


def slice_part(findings: SliceFindings | None) -> Iterator[Part]:
    """Yield the part of the page about slices; nothing where there are none."""
    if findings is None or not findings.groupings:
        return
    blocks: list[Block] = [
        Paragraph(". ".join(_capital(sentence) for sentence in claims(findings)) + "."),
        Paragraph(NOTE),
    ]
    for table in slice_tables(findings):
        shown = Table(table.columns, table.rows[:SHOWN_SLICES], title=table.title)
        blocks.append(Part(_capital(table.title), [shown]))
        if rest := table.rows[SHOWN_SLICES:]:
            more = Table(table.columns, rest, headings=False)
            blocks.append(Details(f"{len(rest)} more", [more]))
    yield Part("By slice", blocks, "membership-slices", "Slices")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
