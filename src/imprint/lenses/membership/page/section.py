"""The membership section: how well attacks tell members, on what evidence, and who is exposed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.page.figures import membership_figures, read_scores
from imprint.lenses.membership.page.findings import best_attack, best_first, by_auc, resolved_fprs
from imprint.lenses.membership.page.gallery import read_exposed
from imprint.lenses.membership.page.tables import attack_headlines, attack_row, control_rows
from imprint.lenses.membership.page.verdict import attack_verdict, notes, warnings
from imprint.report.inputs import (
    estimate,
    is_number,
    lookup,
    mapping,
    number,
)
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render

MOST_EXPOSED = 20
LABEL_ONLY = "label_only"
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
    findings = mapping(summary, "lenses", "membership")
    if set(findings) <= OTHERS or "cohort" in findings:
        return None
    attacks = mapping(findings, "attacks")
    best, least = best_attack(attacks)
    names = best_first(attacks)
    records, scores = read_scores(root / "membership", names)
    every = {**attacks, **({LABEL_ONLY: findings[LABEL_ONLY]} if LABEL_ONLY in findings else {})}
    controls = control_rows(every)
    gallery = read_exposed(root / "gallery" / "membership")
    exposed = exposure(scores, records["member"], best)
    verdict = attack_verdict(attacks)
    html = render(
        "membership.html.j2",
        verdict=verdict,
        warnings=warnings(findings),
        notes=notes(every),
        best=best,
        headlines=attack_headlines(attacks, verdict.about, verdict.rate or least),
        failed=[control["name"] for control in controls if not control["passed"]],
        triage=_triage(findings),
        shadows=_shadows(findings),
        data=_data(summary),
        figures=membership_figures(scores, records["member"]),
        rates=resolved_fprs(attacks),
        attacks=[attack_row(every, name, resolved_fprs(attacks)) for name in by_auc(every)],
        by_labels=_by_labels(findings),
        queried=any("queries" in attacks[name] for name in names),
        skipped=dict(mapping(findings, "skipped")) if "skipped" in findings else {},
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
        smallest_fpr=number(attacks, best, "smallest_fpr"),
        count_attacks=len(attacks),
    )
    anchors = [("membership-result", "Membership"), ("membership-attacks", "Attacks")]
    anchors += [("membership-controls", "Membership controls")] if controls else []
    anchors += [("membership-exposed", "Most exposed")]
    return Section("membership", "Membership", html, order=20, anchors=tuple(anchors))


def _triage(findings: Mapping[str, Any]) -> dict[str, Any] | None:
    if "triage" not in findings:
        return None
    return {
        "verdict": str(lookup(findings, "triage", "verdict")),
        "loss_gap": number(findings, "triage", "loss_gap"),
        **{
            f"{key}_{side}": number(findings, "triage", key, side)
            for key in ("accuracy", "calibration_slope")
            for side in ("members", "non_members")
        },
    }


def _shadows(findings: Mapping[str, Any]) -> dict[str, float] | None:
    if "shadows" not in findings:
        return None
    return {
        side: number(findings, "shadows", "accuracy", side) for side in ("members", "non_members")
    }


def _by_labels(findings: Mapping[str, Any]) -> dict[str, float] | None:
    """Return on how many records the label-only attack was run, and at what cost; None if not."""
    if LABEL_ONLY not in findings:
        return None
    keys = ("queries", "mean_queries", "no_boundary")
    costs = {key: number(findings, LABEL_ONLY, key) for key in keys}
    return {"records": estimate(findings, LABEL_ONLY, "auc").n, **costs}


def _data(summary: Mapping[str, Any]) -> dict[str, float]:
    data = mapping(summary, "data")
    keys = ("members", "non_members", "population", "references")
    return {key: data[key] if is_number(data.get(key)) else 0 for key in keys}
