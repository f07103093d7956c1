"""The plots of a study: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.membership.page import study_plots as plots
from imprint.lenses.membership.page.study_bounds import separation_by_epsilon, separation_by_size
from imprint.lenses.membership.page.study_lines import (
    RATE,
    YARDSTICK,
    Points,
    auc,
    chosen_attacks,
    label,
    tpr,
)
from imprint.lenses.membership.privacy.theory import (
    greatest_auc,
    greatest_tpr,
)
from imprint.report.inputs import estimate, lookup, number
from imprint.report.section import Figure
from imprint.report.wording import plural
from imprint.stats.estimate import Estimate

CHANCE = 0.5
FINE = 200
NO_BUDGET = 4.0
"""How many times the largest budget the place of none lies on the axis."""


def study_figures(study: Mapping[str, Any]) -> list[Figure]:
    """Return the plots of a study.

    Args:
        study: ``lenses.membership.study`` of the summary.

    Raises:
        ImprintError: a finding is missing.
    """
    points = lookup(study, "points")
    draw = {
        "models": _by_models,
        "size": _by_size,
        "epsilon": _by_epsilon,
        "curvature": _by_curvature,
    }
    return draw[str(lookup(study, "over"))](points)


def _by_models(points: Points) -> list[Figure]:
    places = [number(point, "value") for point in points]
    return [
        _area(points, places, [f"{place:g}" for place in places], "reference models"),
        *_found(points, places, [f"{place:g}" for place in places], "reference models"),
    ]


def _area(
    points: Points,
    places: Sequence[float],
    labels: Sequence[str],
    what: str,
    limit: plots.Limit | None = None,
    caption: str = "",
) -> Figure:
    names = chosen_attacks(points)
    lines = {label(points, name): [auc(point, name) for point in points] for name in names}
    drawn = plots.strengths(
        "study-auc", places, labels, lines, what, "area under the curve", CHANCE, limit
    )
    several = plural(auc(points[-1], names[0]).n, "model")
    return Figure(
        f"Area under the curve, by {what}",
        Markup(drawn),
        caption
        or f"The mean over {several} attacked in turn; bars are 95% intervals over them. Attacks "
        "that are alike everywhere share a line.",
    )


def _found(
    points: Points,
    places: Sequence[float],
    labels: Sequence[str],
    what: str,
    limit: plots.Limit | None = None,
) -> list[Figure]:
    """Return how many members are found at 1 % false alarms, where that can be seen."""
    lines = {
        label(points, name): [tpr(point, name) for point in points]
        for name in chosen_attacks(points)
    }
    if not any(value for values in lines.values() for value in values):
        return []
    drawn = plots.strengths("study-tpr", places, labels, lines, what, "members found", RATE, limit)
    return [
        Figure(
            f"Members found at 1% false alarms, by {what}",
            Markup(drawn),
            "The share of members found while at most 1% of non-members are called members by "
            "mistake, no step interpolated. A point is missing where there are too few "
            "non-members to show such a rate."
            + (" The dashed line is the most that (ε, δ) allows any attack." if limit else ""),
        )
    ]


def _by_size(points: Points) -> list[Figure]:
    random = [point for point in points if point["records_are"] == "random"]
    places = [number(point, "value") for point in random]
    labels = [f"{place:,.0f}" for place in places]
    figures = [
        _area(random, places, labels, "records trained on"),
        *_found(random, places, labels, "records trained on"),
    ]
    if any(point["records_are"] == "order" for point in points):
        figures.append(_ordered(points, places, labels))
    return [*figures, *separation_by_size(random, np.array(places), labels)]


def _ordered(points: Points, places: Sequence[float], labels: Sequence[str]) -> Figure:
    of = {
        kind: [point for point in points if point["records_are"] == kind]
        for kind in ("random", "control", "order")
    }
    names = chosen_attacks(of["control"])
    best = YARDSTICK if YARDSTICK in of["control"][-1]["attacks"] else names[0]
    lines: dict[str, list[Estimate | None]] = {
        "difficulty alone": [estimate(point, "difficulty", "auc") for point in of["order"]],
        f"in order: {best}": [auc(point, best) for point in of["order"]],
        f"coins: {best}": [auc(point, best) for point in of["control"]],
        f"coins: {names[0]}": [auc(point, names[0]) for point in of["control"]],
    }
    drawn = plots.strengths(
        "study-order",
        places,
        labels,
        lines,
        "records trained on",
        "area under the curve",
        CHANCE,
    )
    return Figure(
        "In an order, and by coins in the same order",
        Markup(drawn),
        "“In order” is a model trained on the first records of the order, told from the next as "
        "many: this measures difficulty, not membership, and “difficulty alone” shows it, by "
        "models that never saw the record they speak of. “Coins” is the control: the same "
        "records, each trained on by an independent coin; only this is membership.",
    )


def _by_epsilon(points: Points) -> list[Figure]:
    budgets = [point for point in points if point["value"] is not None]
    accounted = [number(point, "privacy", "epsilon") for point in budgets]
    places, labels = list(accounted), [f"{number(point, 'value'):g}" for point in budgets]
    every: list[Mapping[str, Any]] = list(budgets)
    if len(points) > len(budgets):
        places.append(NO_BUDGET * accounted[-1])
        labels.append("none")
        every += [point for point in points if point["value"] is None]
    delta = number(budgets[-1], "privacy", "delta")
    x = np.geomspace(accounted[0] / 1.2, accounted[-1], FINE)
    limit = plots.Limit(x, greatest_auc(x, delta), "most that ε allows", forbids=True)
    caption = (
        "Each budget is a cohort of its own, references trained under the budget of the target. "
        "The dashed line is exact: no attack on a model trained to that (ε, δ) can average more, "
        f"at δ = {delta:g} and the ε that was accounted. “None” is the same network without "
        "clipping and noise."
    )
    return [
        _area(every, places, labels, "privacy budget ε", limit, caption),
        *_found(
            every,
            places,
            labels,
            "privacy budget ε",
            plots.Limit(x, greatest_tpr(RATE, x, delta), "most that ε allows", forbids=True),
        ),
        separation_by_epsilon(budgets, np.array(accounted), labels[: len(budgets)]),
    ]


def _by_curvature(points: Points) -> list[Figure]:
    steps = sorted({number(point, "value") for point in points})
    labels = [f"{step:g}" for step in steps]
    best = chosen_attacks(points)[0]
    named = max(
        (name for name in points[0]["attacks"]),
        key=lambda name: max(auc(point, name).value for point in points),
        default=best,
    )
    kinds = sorted(
        {(int(point["queries"]), point["probes"], len(point["views"])) for point in points}
    )
    shown = [kinds[0], *kinds[1:-1][-2:], kinds[-1]] if len(kinds) > plots.MOST_LINES else kinds
    areas: dict[str, list[Estimate | None]] = {}
    for answers, probes, views in shown:
        at = {p["value"]: p for p in points if (p["queries"], p["probes"]) == (answers, probes)}
        what = f"{plural(probes, 'probe')}, {plural(views, 'view')}"
        areas[what] = [auc(at[step], named) for step in steps]
    most = kinds[-1]
    floors = {
        side.replace("_", "-"): [_floor(points, step, most, side) for step in steps]
        for side in ("members", "non_members")
    }
    return [
        Figure(
            f"Area under the curve of {named}, by step",
            Markup(
                plots.strengths(
                    "study-auc",
                    steps,
                    labels,
                    areas,
                    "step h, normalised pixels",
                    "area under the curve",
                    CHANCE,
                )
            ),
            f"The strongest attack here that reads curvature alone, {named}. The step belongs to "
            "the definition of the score: every step is a score of its own, with references "
            "measured alike. A probe costs four answers, and every view costs all of them again.",
        ),
        Figure(
            "Values that are rounding alone",
            Markup(
                plots.strengths(
                    "study-floor",
                    steps,
                    labels,
                    floors,
                    "step h, normalised pixels",
                    "share at the floor",
                    None,
                )
            ),
            f"The share of values no larger than what rounding one logit makes, with "
            f"{plural(most[1], 'probe')} and {plural(most[2], 'view')}. Such records tie: no "
            "attack can tell them apart. Their share has no interval.",
        ),
    ]


def _floor(points: Points, step: float, kind: tuple[int, Any, int], side: str) -> Estimate | None:
    for point in points:
        if point["value"] == step and (point["queries"], point["probes"]) == kind[:2]:
            share = number(point, "at_floor", side)
            return Estimate(share, (share, share), 1)
    return None
