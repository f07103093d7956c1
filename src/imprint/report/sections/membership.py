"""The membership section: how well attacks tell members, on what evidence, and who is exposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.membership.exposure import exposure
from imprint.report.inputs import (
    Estimate,
    as_estimate,
    estimate,
    is_number,
    lookup,
    mapping,
    number,
)
from imprint.report.membership_figures import membership_figures, read_scores
from imprint.report.membership_findings import best_attack, by_auc, resolved_fprs
from imprint.report.membership_gallery import read_exposed
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.report.wording import decimal, percent

MOST_EXPOSED = 20
CHANCE = 0.5
OTHERS = {"privacy", "bound"}
"""Findings of the lens that need no attack; they have sections of their own, or none."""
READS = {
    "phi": "logit margin",
    "mentr": "modified entropy",
    "log_curvature": "input-loss curvature",
}


@dataclass(frozen=True)
class Headline:
    """One number of the best attack, with its interval as places on a strip from 0 to 100."""

    title: str
    shown: Estimate
    chance: float
    sentence: str

    @property
    def strip(self) -> dict[str, float]:
        """Where low end, high end, value and chance lie, in percent of the strip."""
        low = min(self.chance, self.shown.low)
        high = max(self.chance, self.shown.high)
        pad = 0.06 * max(high - low, 0.01)
        places = {
            "low": self.shown.low,
            "high": self.shown.high,
            "value": self.shown.value,
            "zero": self.chance,
        }
        width = high - low + 2 * pad
        return {name: round(100 * (x - low + pad) / width, 2) for name, x in places.items()}


@SECTIONS.register("membership")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the membership lens, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "membership" not in mapping(summary, "lenses"):
        return None
    findings = mapping(summary, "lenses", "membership")
    if set(findings) <= OTHERS:
        return None
    attacks = mapping(findings, "attacks")
    best, least = best_attack(attacks)
    names = by_auc(attacks)
    records, scores = read_scores(root / "membership", names)
    controls = _controls(attacks)
    gallery = read_exposed(root / "gallery" / "membership")
    exposed = exposure(scores, records["member"], best)
    html = render(
        "membership.html.j2",
        verdict=_verdict(attacks, best, least),
        best=best,
        headlines=_headlines(attacks, best, least),
        failed=[control["name"] for control in controls if not control["passed"]],
        triage=_triage(findings),
        shadows=_shadows(findings),
        data=_data(summary),
        figures=membership_figures(scores, records["member"]),
        rates=resolved_fprs(attacks),
        attacks=[_row(attacks, name, resolved_fprs(attacks)) for name in names],
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


def _verdict(attacks: Mapping[str, Any], best: str, least: str | None) -> tuple[str, str]:
    """Return the kind and the heading of what the intervals allow to say."""
    if least is not None and estimate(attacks, best, "tpr_at_fpr", least).low > float(least):
        return "found", "Single training images can be told from others"
    if estimate(attacks, by_auc(attacks)[0], "auc").low > CHANCE:
        return "found", "Training images are a little easier to the network, none stands out"
    return "nothing", "No attack told training images from others"


def _headlines(attacks: Mapping[str, Any], best: str, least: str | None) -> list[Headline]:
    area = estimate(attacks, best, "auc")
    lines = []
    if least is not None:
        found, rate = estimate(attacks, best, "tpr_at_fpr", least), float(least)
        lines.append(
            Headline(
                f"Members found at {percent(rate, _digits(rate))} false alarms",
                found,
                rate,
                f"When {percent(rate, _digits(rate))} of the images that were not trained on are "
                f"called members by mistake, {best} finds {percent(found.value)} of the training "
                f"images. Guessing would find {percent(rate, _digits(rate))}.",
            )
        )
    lines.append(
        Headline(
            "Area under the curve",
            area,
            CHANCE,
            f"Of one training image and one other, {best} takes the right one for the training "
            f"image {decimal(100 * area.value, 0)} times in 100. Guessing: 50.",
        )
    )
    return lines


def _digits(rate: float) -> int:
    return max(0, len(f"{100 * rate:g}".partition(".")[2]))


def _row(attacks: Mapping[str, Any], name: str, rates: list[str]) -> dict[str, Any]:
    found = mapping(attacks, name)
    passed = [bool(lookup(control, "passed")) for control in found.get("controls", {}).values()]
    return {
        "name": name,
        "reads": READS.get(str(found.get("reads", "")), str(found.get("reads", ""))),
        "auc": estimate(attacks, name, "auc"),
        "tpr": [estimate(attacks, name, "tpr_at_fpr", rate) for rate in rates],
        "balanced": estimate(attacks, name, "balanced_accuracy"),
        "queries": found.get("queries"),
        "controls": f"{sum(passed)} of {len(passed)}" if passed else "not run",
        "passed": sum(passed),
    }


def _controls(attacks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a kind of control, over all attacks; kinds that failed first."""
    kinds: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for name in attacks:
        for kind, control in attacks[name].get("controls", {}).items():
            kinds.setdefault(kind, []).append((name, control))
    rows = []
    for kind, found in kinds.items():
        values = [as_estimate(control.get("value")) for _, control in found]
        areas = [value.value for value in values if value is not None]
        missed = [name for name, control in found if not lookup(control, "passed")]
        expected = found[0][1].get("expected")
        rows.append(
            {
                "name": kind.replace("_", " "),
                "what": str(lookup(found[0][1], "what")),
                "passed": not missed,
                "missed": missed,
                "count": len(found),
                "low": min(areas, default=float("nan")),
                "high": max(areas, default=float("nan")),
                "expected": expected if is_number(expected) else float("nan"),
            }
        )
    return sorted(rows, key=lambda row: row["passed"])


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


def _data(summary: Mapping[str, Any]) -> dict[str, float]:
    data = mapping(summary, "data")
    keys = ("members", "non_members", "population", "references")
    return {key: data[key] if is_number(data.get(key)) else 0 for key in keys}
