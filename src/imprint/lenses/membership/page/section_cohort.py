"""The section of a cohort: every attack on every model, and what the models memorized."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.membership.findings import (
    AttackFinding,
    best_attack,
    resolved_fprs,
)
from imprint.lenses.membership.page.cohort_figures import cohort_figures, memorization_figure
from imprint.lenses.membership.page.memorized_gallery import read_memorized
from imprint.lenses.membership.page.tables import (
    attack_headlines,
    attack_table,
    control_results,
    note_bullets,
    skipped_details,
)
from imprint.lenses.membership.page.verdict import attack_verdict
from imprint.report.blocks import Controls, draw_blocks
from imprint.report.headline import Headline
from imprint.report.inputs import as_estimate, estimate, lookup, mapping, number
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.report.wording import decimal, percent
from imprint.study.finding import from_json

GIVEN_AWAY = "Models trained like this give single training images away"
OTHER_QUANTITIES = {
    "log_curvature_in": "curvature with it",
    "log_curvature_out": "curvature without it",
}


@SECTIONS.register("membership_cohort")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a cohort, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    findings = mapping(summary, "lenses").get("membership", {})
    if not isinstance(findings, Mapping) or "cohort" not in findings:
        return None
    attacks = from_json(dict[str, AttackFinding], findings["attacks"], "summary.json")
    best, least = best_attack(attacks)
    cohort, memorized = mapping(findings, "cohort"), mapping(findings, "memorization")
    controls = control_results(attacks)
    rates = resolved_fprs(attacks)
    verdict = attack_verdict(attacks, GIVEN_AWAY)
    html = render(
        "cohort.html.j2",
        verdict=verdict,
        warnings=findings.get("warnings", ()),
        best=best,
        headlines=[
            *attack_headlines(attacks, verdict.about, verdict.rate or least, "model"),
            _memorized(memorized),
        ],
        more_than_noise=_more_than_noise(memorized),
        failed=[control.name for control in controls if not control.passed],
        cohort=cohort,
        accuracy=_accuracy(cohort),
        figures=cohort_figures(root / "membership", findings),
        histogram=memorization_figure(root / "membership", findings),
        attack_blocks=draw_blocks(
            [
                attack_table(attacks, rates),
                *skipped_details(findings.get("skipped", {})),
                *note_bullets(attacks),
            ]
        ),
        control_block=draw_blocks([Controls(controls)]),
        controls=controls,
        count_attacks=len(attacks),
        memorized=memorized,
        correlations=_correlations(mapping(memorized, "correlation")),
        gallery=read_memorized(root / "gallery" / "memorized"),
    )
    anchors = [
        ("membership-result", "Membership"),
        ("membership-attacks", "Attacks"),
        *([("membership-controls", "Membership controls")] if controls else []),
        ("memorization", "Memorization"),
        ("memorized", "Most memorized"),
    ]
    return Section("membership", "Membership", html, order=20, anchors=tuple(anchors))


def _memorized(memorized: Mapping[str, Any]) -> Headline:
    share, cut = estimate(memorized, "share_memorized"), number(memorized, "cut")
    chance = number(memorized, "share_by_chance")
    return Headline(
        "Images memorized",
        share,
        chance,
        f"The share of images that models get right at least {decimal(100 * cut, 0)} points more "
        f"often when they were trained on them. Noise alone would bring {percent(chance)} there: "
        "a single score has a standard error of up to "
        f"{decimal(number(memorized, 'standard_error_bound'), 2)}.",
        nothing="noise alone",
    )


def _more_than_noise(memorized: Mapping[str, Any]) -> bool:
    """Return whether more images are memorized than noise alone would bring."""
    return estimate(memorized, "share_memorized").low > number(memorized, "share_by_chance")


def _accuracy(cohort: Mapping[str, Any]) -> dict[str, float | None]:
    found = mapping(cohort, "accuracy")
    return {
        "members": number(found, "members"),
        "non_members": number(found, "non_members"),
        "population": number(found, "population") if _is_known(found) else None,
    }


def _is_known(accuracy: Mapping[str, Any]) -> bool:
    return not isinstance(lookup(accuracy, "population"), Mapping)


def _correlations(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row a quantity that has a correlation with memorization, the strongest first."""
    rows = []
    for name, value in found.items():
        shown = as_estimate(value)
        if shown is not None:
            rows.append({"what": OTHER_QUANTITIES.get(name, name), "shown": shown})
    return sorted(rows, key=lambda row: -abs(row["shown"].value))
