"""The membership section: how well attacks tell members, on what evidence, and who is exposed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.findings import (
    MembershipFindings,
    best_attack,
    names_best_first,
    names_by_auc,
    resolved_fprs,
)
from imprint.lenses.membership.page.figures import membership_figures, read_scores
from imprint.lenses.membership.page.gallery import read_exposed
from imprint.lenses.membership.page.tables import attack_headlines, attack_row, control_rows
from imprint.lenses.membership.page.verdict import attack_verdict, notes
from imprint.report.inputs import (
    is_number,
    mapping,
)
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.study.finding import from_json

MOST_EXPOSED = 20
OTHERS = {"privacy", "bound", "memorization", "study"}
"""Findings of the lens that need no attack; they have sections of their own, or none."""


@SECTIONS.register("membership")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of attacks on one network, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "membership" not in mapping(summary, "lenses"):
        return None
    content = mapping(summary, "lenses", "membership")
    if set(content) <= OTHERS or "cohort" in content:
        return None
    findings = from_json(MembershipFindings, content, "summary.json")
    attacks, every = findings.attacks, findings.all_attacks
    best, least = best_attack(attacks)
    names = names_best_first(attacks)
    records, scores = read_scores(root / "membership", names)
    controls = control_rows(every)
    gallery = read_exposed(root / "gallery" / "membership")
    exposed = exposure(scores, records["member"], best)
    verdict = attack_verdict(attacks)
    html = render(
        "membership.html.j2",
        verdict=verdict,
        warnings=findings.warnings,
        notes=notes(every),
        best=best,
        headlines=attack_headlines(attacks, verdict.about, verdict.rate or least),
        failed=[control["name"] for control in controls if not control["passed"]],
        triage=findings.triage,
        shadows=None if findings.shadows is None else findings.shadows.accuracy,
        data=_data(summary),
        figures=membership_figures(scores, records["member"]),
        rates=resolved_fprs(attacks),
        attacks=[attack_row(every, name, resolved_fprs(attacks)) for name in names_by_auc(every)],
        by_labels=findings.label_only,
        queried=any(finding.queries is not None for finding in attacks.values()),
        skipped=findings.skipped,
        controls=controls,
        gallery=gallery,
        exposed=[
            {
                "index": int(records["index"][row]),
                "fpr": float(exposed.fpr[row]),
                "agreement": int(exposed.agreement[row]),
            }
            for row in exposed.order[:MOST_EXPOSED]
        ],
        smallest_fpr=attacks[best].smallest_fpr,
        count_attacks=len(attacks),
    )
    anchors = [("membership-result", "Membership"), ("membership-attacks", "Attacks")]
    anchors += [("membership-controls", "Membership controls")] if controls else []
    anchors += [("membership-exposed", "Most exposed")]
    return Section("membership", "Membership", html, order=20, anchors=tuple(anchors))


def _data(summary: Mapping[str, Any]) -> dict[str, float]:
    data = mapping(summary, "data")
    keys = ("members", "non_members", "population", "references")
    return {key: data[key] if is_number(data.get(key)) else 0 for key in keys}
