"""The section of influence on the model itself: members it would change without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_findings import (
    EstimatorFindings,
    InfluenceFindings,
    NamedInfluence,
)
from imprint.lenses.leave_one_out.page.fit import LENS
from imprint.report.blocks import Block, Details, Paragraph, Part, Verdict, conclusions
from imprint.report.prose import prose
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, percent, plural, significant
from imprint.study.finding import from_json

KEY = "influence"
PREFERRED = ("ekfac", "tracin", "gradient_dot")
"""Whose members and tests are shown first."""


@SECTIONS.register("own_influence")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of influence on the model itself, or None when the study has none."""
    lens = summary["lenses"].get(LENS, {})
    findings = read_influence(lens)
    if findings is None:
        return None
    name = leading(findings)
    shown: list[Block] = [_verdict(findings, name)]
    if name is not None:
        chosen = findings.estimators[name]
        if chosen.strongest:
            shown.append(
                Part("Members by influence on themselves", [strongest_table(name, chosen)])
            )
        if chosen.tests:
            shown.append(Part("Members behind single tests", [behind_tests(name, chosen)]))
        rest = [
            Details(_title(other), [strongest_table(other, each), behind_tests(other, each)])
            for other, each in findings.estimators.items()
            if other != name
        ]
        shown += [agreement_table(findings), *rest] if findings.agreement else rest
    shown += [Paragraph(text) for text in _remarks(findings)]
    shown.append(_conclusions())
    return Section("own-influence", "Influence on the model itself", shown, order=41)


def read_influence(lens: Mapping[str, Any]) -> InfluenceFindings | None:
    """Return the findings of influence of a leave-one-out lens; None where there are none."""
    found = lens.get(KEY)
    if not isinstance(found, Mapping) or "missing" in found:
        return None
    return from_json(InfluenceFindings, found, "summary.json")


def leading(findings: InfluenceFindings) -> str | None:
    """Return the estimator that is shown first; None without any."""
    for name in (*PREFERRED, *findings.estimators):
        if name in findings.estimators:
            return name
    return None


def influence_lines(findings: InfluenceFindings) -> Sequence[Printed]:
    """Return what the terminal shows: the strongest members, and how alike estimators rank."""
    name = leading(findings)
    if name is None:
        return [f"influence on the model itself: {reason}" for reason in findings.skipped.values()]
    chosen = findings.estimators[name]
    parts: list[Printed] = []
    if chosen.strongest:
        parts.append(strongest_table(name, chosen, 5))
    if chosen.tests:
        parts.append(behind_tests(name, chosen, 5))
    if findings.agreement:
        parts.append(agreement_table(findings, name))
    return [*parts, *_remarks(findings)]


def strongest_table(name: str, estimator: EstimatorFindings, most: int = 20) -> Table:
    """Return the members with the largest influence on themselves."""
    columns = [Column("Member"), Column("Influence on itself", significant), Column("Copies")]
    rows: list[list[Value | Cell]] = [
        [each.name, each.influence, str(each.copies or "–")] for each in estimator.strongest[:most]
    ]
    note = ""
    if estimator.share_of_strongest is not None:
        note = (
            "The strongest hundredth of the members has "
            f"{percent(estimator.share_of_strongest)} of all influence on themselves."
        )
    title = f"Members by influence on themselves ({_title(name)})"
    return Table(columns, rows, title=title, note=note)


def behind_tests(name: str, estimator: EstimatorFindings, most: int = 20) -> Table:
    """Return, for each test, the members that helped and harmed it most."""
    columns = [
        Column("Test"),
        Column("Prediction"),
        Column("Loss", significant),
        Column("Helped most by"),
        Column("Harmed most by"),
    ]
    rows: list[list[Value | Cell]] = [
        [
            each.name,
            "–" if each.correct is None else "right" if each.correct else "wrong",
            each.loss,
            _names(each.helped),
            _names(each.harmed),
        ]
        for each in estimator.tests[:most]
    ]
    return Table(columns, rows, title=f"Members behind single tests ({_title(name)})")


def agreement_table(findings: InfluenceFindings, name: str | None = None) -> Table:
    """Return how alike every two estimators rank members; of one name, it and every other."""
    columns = [
        Column("Estimators"),
        Column("On themselves ρ", fixed(2)),
        Column("On tests ρ", fixed(2)),
    ]
    rows: list[list[Value | Cell]] = [
        [f"{_title(each.first)}, {_title(each.second)}", _short(each.members), _short(each.tests)]
        for each in findings.agreement
        if name is None or name in (each.first, each.second)
    ]
    return Table(columns, rows, title="Agreement of estimators (rank correlation)")


def _short(value: Any) -> Value | Cell:
    return Cell(None, "–", note=value.missing) if isinstance(value, Missing) else value


def _names(members: Sequence[NamedInfluence]) -> str:
    return ", ".join(each.name for each in members) or "–"


def _title(name: str) -> str:
    return name.replace("_", " ")


def _verdict(findings: InfluenceFindings, name: str | None) -> Verdict:
    if name is None:
        return Verdict("No estimate of influence could be made", found=False, anchor=KEY)
    chosen = findings.estimators[name]
    statement = f"Members that the model depends on, estimated from its gradients ({_title(name)})"
    if chosen.share_of_strongest is not None:
        statement = (
            f"One in a hundred members has {percent(chosen.share_of_strongest)} of all influence "
            f"of members on themselves ({_title(name)})"
        )
    question = prose(
        "How far would the model itself move without a member? {records} of {members} were looked "
        "at, and their influence on {tests}{wrong}. Influence is by how much training on a member "
        "lowered a loss: above 0 it helped. Exact copies count as one record.",
        records=plural(findings.records, "member"),
        members=count(findings.members),
        tests=plural(findings.tests, "test"),
        wrong="" if findings.wrong is None else f", {count(findings.wrong)} of them wrong",
    )
    return Verdict(
        statement, [question], found=True, anchor=KEY, link="Influence on the model itself"
    )


def _remarks(findings: InfluenceFindings) -> list[str]:
    texts = []
    if findings.parameters < findings.trained_parameters:
        texts.append(
            f"Estimators looked at the last {count(findings.parameters)} of "
            f"{count(findings.trained_parameters)} parameters alone."
        )
    if findings.records < findings.members:
        texts.append(
            f"Influence was estimated for {count(findings.records)} of "
            f"{count(findings.members)} members, drawn at random."
        )
    if findings.leaked:
        texts.append(
            f"{plural(findings.leaked, 'test')} of {count(findings.tests)} are exact copies of "
            "members."
        )
    for name, estimator in findings.estimators.items():
        if "unconverged" in estimator.facts:
            texts.append(f"{_title(name)}: {estimator.facts['unconverged']}.")
    texts += [f"{_title(name)}: {reason}." for name, reason in findings.skipped.items()]
    return texts


def _conclusions() -> Part:
    return conclusions(
        [
            "Which members to look at first where a test is wrong, or where a record must be "
            "removed: mislabelled and rare members have the largest influence on themselves."
        ],
        [
            "These are estimates of what retraining would show, to first order around the trained "
            "weights. How well each ranks records against retraining is in the documentation.",
            "Gradient products scale with the loss that is left: a member that is fitted to the "
            "last digit has almost none, and may still be memorised.",
        ],
    )
