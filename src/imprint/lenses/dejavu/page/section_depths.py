"""The section of probed depths: does the gap of a probe reveal what the attack does?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.dejavu.depth_findings import ProbedDepths
from imprint.lenses.dejavu.page.depths import (
    accuracy_figure,
    depths_table,
    depths_verdict,
    gaps_figure,
    more_accuracies,
)
from imprint.report.blocks import Block, Details, Figures, Part, Verdict, conclusions
from imprint.report.prose import prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.wording import count
from imprint.study.finding import from_json

ASKED = prose(
    "A linear classifier on a frozen encoder names whole images it was trained on more often than "
    "others where the encoder overfits. Does that gap show déjà vu, at which the <b "
    'class="target">attack</b> looks: objects that are named from the background alone?'
)
SHOWN = (
    "A gap of the attack on background crops is memorization of these members, as far as members "
    "and non-members are images of the same kind.",
    "A gap of the probe alone is overfitting: the encoder separates its own images better.",
)
NOT_SHOWN = (
    "Differences between depths are not tested: intervals are of each gap by itself.",
    "The probe is trained on the members, so its gap also holds its own overfitting, which grows "
    "with the width of the representation.",
    "Members and non-members of different origin give gaps without any memorization.",
)


@SECTIONS.register("dejavu_depths")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of probed depths, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if "dejavu_depths" not in lenses:
        return None
    findings = from_json(ProbedDepths, lenses["dejavu_depths"], "summary.json")
    verdict = depths_verdict(findings)
    content: list[Block] = [
        Verdict(
            verdict.statement,
            [ASKED],
            _warnings(findings),
            found=verdict.found,
            anchor="dejavu-depths-result",
            link="Result",
        ),
        Figures([gaps_figure(findings), accuracy_figure(findings)]),
        Part(
            "Every depth",
            [
                depths_table(findings, _caption(findings)),
                Details(
                    "Accuracy on crops, of neighbours, and among the five most likely classes",
                    [more_accuracies(findings)],
                ),
            ],
            "dejavu-depths-table",
            "Every depth",
        ),
        conclusions(SHOWN, NOT_SHOWN),
    ]
    return Section("dejavu-depths", "Déjà vu and linear probes", content, order=13)


def _warnings(findings: ProbedDepths) -> list[str]:
    reasons = {each.attack.missing for each in findings.depths if isinstance(each.attack, Missing)}
    return [f"Background crops were not attacked: {reason}." for reason in sorted(reasons)]


def _caption(findings: ProbedDepths) -> str:
    caption = (
        "Linear probes are trained on the members, all in one pass, and name whole images; "
        f"neighbours are the {count(findings.k)} nearest members, a member not counting itself."
    )
    if findings.public:
        rule = "a corner" if findings.crop_rule == "corner" else "the largest part outside boxes"
        caption += (
            f" The attack sees the background ({rule}) and takes the vote of the "
            f"{count(findings.k)} nearest of {count(findings.public)} non-members that are not "
            "attacked."
        )
    return caption
