"""The section of a study: every attack at every point of what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.lenses.membership.page.study_figures import study_figures
from imprint.report.inputs import estimate, is_number, lookup, mapping, number
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render

TITLES = {
    "models": "How many reference models an attack needs",
    "size": "What the size of the training set changes",
    "epsilon": "What a privacy budget leaves of the attacks",
    "curvature": "How to measure curvature, and what it costs",
}
LEADS = {
    "models": "Every model of one cohort was attacked in turn, by growing random choices of the "
    "others, drawn anew for every target. Membership was drawn by independent coins, so how many "
    "references were trained on a record tells nothing.",
    "size": "Each size is a cohort of its own, on twice as many records, each in about half of the "
    "models: as many members as non-members, and references trained on as much as the target. The "
    "number of epochs is the same, so smaller sets were trained in fewer steps.",
    "epsilon": "Each budget is a cohort of its own on the same records, with masks, weights and "
    "noise of its own. The limit is the definition of differential privacy at the ε that was "
    "accounted, for whatever attack.",
    "curvature": "One cohort, its curvature measured anew with every step, number of random "
    "directions and set of views. Attacks saw curvature alone.",
}


@SECTIONS.register("membership_study")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a study, or None when there is none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    findings = mapping(summary, "lenses").get("membership", {})
    if not isinstance(findings, Mapping) or "study" not in findings:
        return None
    study = mapping(findings, "study")
    over, points = str(lookup(study, "over")), lookup(study, "points")
    attacks = list(dict.fromkeys(name for point in points for name in point["attacks"]))
    html = render(
        "membership_study.html.j2",
        over=over,
        title=TITLES[over],
        lead=LEADS[over],
        figures=study_figures(study),
        attacks=attacks,
        rows=[_row(point, attacks) for point in points],
        saturation=_saturation(study),
        failed=[
            f"{control}, {point['name']}"
            for point in points
            for control in point.get("failed_controls", [])
        ],
    )
    anchors = (("membership-study", "Membership study"), ("membership-points", "Every point"))
    return Section("membership", "Membership study", html, order=20, anchors=anchors)


def _row(point: Mapping[str, Any], attacks: Sequence[str]) -> dict[str, Any]:
    return {
        "name": str(lookup(point, "name")),
        "facts": ", ".join(_facts(point)),
        "areas": [
            estimate(point, "attacks", name, "auc") if name in point["attacks"] else None
            for name in attacks
        ],
    }


def _facts(point: Mapping[str, Any]) -> list[str]:
    """Return what else is known of a point, in words."""
    told = []
    if "measures" in point:
        told.append("measures difficulty, not membership")
    if "difficulty" in point:
        told.append(f"difficulty alone {_percent(point, 'difficulty', 'auc', 'value')}")
    if "accuracy" in point:
        told.append(
            f"right on {_percent(point, 'accuracy', 'members')} of members, "
            f"{_percent(point, 'accuracy', 'non_members')} of others"
        )
    if "allowed" in point:
        told.append(f"ε allows an area of {_percent(point, 'allowed', 'auc')}")
        told.append(f"accounted ε {number(point, 'privacy', 'epsilon'):.2f}")
    if is_number(point.get("queries")):
        told.append(f"{number(point, 'queries'):g} answers a record")
        told.append(f"{_percent(point, 'at_floor', 'members')} of members at the floor")
    return told


def _percent(point: Mapping[str, Any], *keys: str) -> str:
    return f"{100 * number(point, *keys):.1f}%"


def _saturation(study: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = study.get("saturation", {})
    return [
        (
            str(name),
            f"from {number(found, name, 'models'):g} references on, no step gains as much "
            "as half the width of the area's interval"
            if is_number(found[name]["models"])
            else str(lookup(found, name, "models", "missing")),
        )
        for name in found
    ]
