"""The section of a study: every attack at every point of what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.membership.page.study_figures import study_figures
from imprint.lenses.membership.study_findings import (
    AnyPoint,
    CohortPoint,
    CurvaturePoint,
    OrderPoint,
    ReferencesStudy,
    StudyFindings,
    read_study,
)
from imprint.report.blocks import Block, Bullets, Figures, Paragraph, Part, Verdict, conclusions
from imprint.report.prose import Text, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.table import Cell, Column, Table
from imprint.report.wording import count, decimal, percent

TITLES = {
    "models": "How many reference models an attack needs",
    "size": "What the size of the training set changes",
    "epsilon": "What a privacy budget leaves of the attacks",
    "curvature": "How to measure curvature, and what it costs",
}
VARIED = {
    "models": "reference models",
    "size": "records trained on",
    "epsilon": "privacy budget",
    "curvature": "step, probes and views of the curvature",
}
LEADS = {
    "models": "Every model of one cohort was attacked in turn, with growing random choices of the "
    "others as references, drawn anew for every target. Membership was drawn by independent coins, "
    "so how many references were trained on a record reveals nothing.",
    "size": "Each size is a cohort of its own, on twice as many records, each in about half of the "
    "models: as many members as non-members, and references trained on as much as the target. The "
    "number of epochs is the same, so smaller sets were trained in fewer steps.",
    "epsilon": "Each budget is a cohort of its own on the same records, with masks, weights and "
    "noise of its own. The limit is the definition of differential privacy at the accounted ε, for "
    "any attack.",
    "curvature": "One cohort, its curvature measured anew with every step, number of random "
    "directions and set of views. Attacks read curvature alone.",
}
NOT_SHOWN = {
    "epsilon": "A measured value far below the limit does not prove the limit loose: a stronger "
    "attack, or the worst record, may come closer.",
    "size": "A curve over random records says nothing about hard or easy ones, and a curve over an "
    "order only what its control says.",
}


@SECTIONS.register("membership_study")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a study, or None when there is none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    content = mapping(summary, "lenses").get("membership", {})
    if not isinstance(content, Mapping) or "study" not in content:
        return None
    study = read_study(content["study"])
    note = (
        "The AUC of every attack, below it the 95% interval over the models that were attacked. "
        "Guessing gives 50%."
    )
    blocks: list[Block] = [
        _verdict(study),
        Figures(study_figures(study)),
        *_saturation_part(study),
        Part("Every point", [Paragraph(note), study_table(study)], "membership-points", "Points"),
        conclusions(
            [],
            [
                "Intervals are over models of one set of images and one way of training. Another "
                "set may differ by more.",
                "Each point shows what these attacks find, not what can be found.",
                *([NOT_SHOWN[study.over]] if study.over in NOT_SHOWN else []),
            ],
        ),
    ]
    return Section("membership", "Membership study", blocks, order=20)


def list_study(study: StudyFindings) -> list[Table | Text]:
    """Return what a terminal shows: the AUCs, where they saturate, and what failed."""
    order = [
        f"{point.name}: members are the first of an order, so this measures difficulty, not "
        "membership"
        for point in study.points
        if isinstance(point, OrderPoint)
    ]
    failed = [f"control failed: {control}" for control in failed_controls(study)]
    saturation = [f"{name}: {text}" for name, text in describe_saturation(study)]
    return [study_table(study), *saturation, *order, *failed]


def study_table(study: StudyFindings) -> Table:
    """Return one row per point and one column per attack, with what else was measured there."""
    points: Sequence[AnyPoint] = study.points
    attacks = list(dict.fromkeys(name for point in points for name in point.attacks))
    extra: list[tuple[Column, list[Any]]] = [
        (Column("Queries", count), [getattr(point, "queries", None) for point in points]),
        (Column("At the floor", percent), [_floor(point) for point in points]),
        (Column("Allowed by ε", percent, key="allowed_auc"), [_allowed(point) for point in points]),
        (
            Column("Difficulty", percent),
            [p.difficulty.auc if isinstance(p, OrderPoint) else None for p in points],
        ),
    ]
    shown = [(column, cells) for column, cells in extra if any(cell is not None for cell in cells)]
    rows = [
        [
            Cell(point.name, note=", ".join(describe_point(point))),
            *(point.attacks[name].auc if name in point.attacks else None for name in attacks),
            *(cells[row] for _, cells in shown),
        ]
        for row, point in enumerate(points)
    ]
    columns = [
        Column("Point"),
        *(Column(name, percent) for name in attacks),
        *(column for column, _ in shown),
    ]
    return Table(columns, rows, title=f"AUC by {VARIED[study.over]}")


def _floor(point: AnyPoint) -> float | None:
    if not isinstance(point, CurvaturePoint):
        return None
    return max(point.at_floor.members, point.at_floor.non_members)


def _allowed(point: AnyPoint) -> float | None:
    return point.allowed.auc if isinstance(point, CohortPoint) and point.allowed else None


def describe_point(point: AnyPoint) -> list[str]:
    """Return what else is known of a point, in words."""
    facts = []
    if isinstance(point, OrderPoint):
        facts += [
            "measures difficulty, not membership",
            f"difficulty alone {percent(point.difficulty.auc.value)}",
        ]
    if isinstance(point, (CohortPoint, OrderPoint)):
        facts.append(
            f"right on {percent(point.accuracy.members)} of members, "
            f"{percent(point.accuracy.non_members)} of others"
        )
    if isinstance(point, CohortPoint) and point.privacy is not None and point.allowed is not None:
        facts += [
            f"ε allows an AUC of {percent(point.allowed.auc)}",
            f"accounted ε {decimal(point.privacy.epsilon, 2)}",
        ]
    if isinstance(point, CurvaturePoint):
        facts += [
            f"{count(point.queries)} queries per record",
            f"{percent(point.at_floor.members)} of members at the floor",
        ]
    return facts


def failed_controls(study: StudyFindings) -> list[str]:
    """Return the controls that failed, with their points."""
    return [
        f"{control}, {point.name}"
        for point in study.points
        if isinstance(point, CohortPoint)
        for control in point.failed_controls
    ]


def describe_saturation(study: StudyFindings) -> list[tuple[str, str]]:
    """Return from how many references on each attack gains nothing."""
    if not isinstance(study, ReferencesStudy):
        return []
    return [
        (
            name,
            saturation.models.missing
            if isinstance(saturation.models, Missing)
            else f"from {saturation.models} references on, no step improves the AUC by half the "
            "width of its interval",
        )
        for name, saturation in study.saturation.items()
    ]


def _verdict(study: StudyFindings) -> Verdict:
    failed = failed_controls(study)
    warning = prose(
        "<b>A control failed: {}.</b> Of many controls one in a thousand fails by chance; find out "
        "why before you rely on that point.",
        "; ".join(failed),
    )
    return Verdict(
        TITLES[study.over],
        [LEADS[study.over]],
        [warning] if failed else [],
        anchor="membership-study",
        link="Membership study",
    )


def _saturation_part(study: StudyFindings) -> list[Part]:
    items = [(name, f"{text}.") for name, text in describe_saturation(study)]
    return [Part("How many are enough?", [Bullets(items)], "membership-saturation")] * bool(items)
