"""The figures of a study: how strong attacks are by what was varied, beside theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.lenses.membership.page.study_lines import (
    CHANCE,
    MARKERS,
    MAX_LINES,
    YARDSTICK,
    Places,
    Points,
    chosen_attacks,
    label,
)
from imprint.lenses.membership.page.study_separation import (
    separation_by_epsilon,
    separation_by_size,
)
from imprint.lenses.membership.privacy.theory import greatest_auc, greatest_tpr
from imprint.lenses.membership.study_findings import (
    BudgetStudy,
    CohortPoint,
    CurvaturePoint,
    CurvatureStudy,
    OrderPoint,
    ReferencesStudy,
    SizeStudy,
    StudyFindings,
)
from imprint.report.figures.lines import Lines
from imprint.report.marks import Area, Axis, Figure, Level, Series, estimates
from imprint.report.wording import percent, plural, short_percent
from imprint.stats.estimate import Estimate

RATE = 0.01
GRID = 200
NO_BUDGET_FACTOR = 4.0
"""How many times the largest budget the place of none lies on the axis."""

Values = Sequence[Estimate | Missing | None]


@dataclass(frozen=True)
class Limit:
    """The most that theory allows: float64 ``[m]`` places, rising, and values there."""

    x: FloatArray
    y: FloatArray
    name: str = "most that ε allows"


def study_figures(study: StudyFindings) -> list[Figure]:
    """Return the figures of a study."""
    if isinstance(study, ReferencesStudy):
        return _by_models(study)
    if isinstance(study, SizeStudy):
        return _by_size(study)
    if isinstance(study, BudgetStudy):
        return _by_budget(study)
    return _by_curvature(study)


def strength_figure(
    name: str,
    title: str,
    caption: str,
    places: Places,
    quantity: str,
    lines: Mapping[str, Values],
    chance: float | None = CHANCE,
    limit: Limit | None = None,
) -> Lines:
    """Return estimates with their intervals by what was varied.

    Args:
        name: of the figure, unique on the page.
        title: its heading.
        caption: below it.
        places: of the points, rising.
        quantity: title of the other axis, of values that are shares.
        lines: estimates at every place by name, ``MAX_LINES`` at most.
        chance: what guessing gives; None for nothing.
        limit: theory, above which nothing can be.
    """
    series = [
        estimates(label, places.numbers, values, marker=marker)
        for marker, (label, values) in zip(MARKERS, lines.items(), strict=False)
    ]
    areas, low, high = [], None, None
    if limit is not None:
        low, high = _ends_beside_limit(lines, chance, limit)
        allowed = Series(limit.name, limit.x, limit.y, colour="muted", dash="dashed")
        series.append(allowed)
        areas.append(Area(limit.x, limit.y, np.inf, colour="muted"))
    return Lines(
        name=name,
        title=title,
        caption=caption,
        description=f"{quantity} by {places.title}: {_describe_lines(places, lines)}.",
        x=places.axis,
        y=Axis(quantity, short_percent, low=low, high=high),
        series=series,
        levels=[] if chance is None else [Level(chance, "guessing")],
        areas=areas,
        apart=True,
    )


def _ends_beside_limit(
    lines: Mapping[str, Values], chance: float | None, limit: Limit
) -> tuple[float, float]:
    """Return the ends of an axis: so high that the limit's lowest part is seen, and no more."""
    known = [v for values in lines.values() for v in values if isinstance(v, Estimate)]
    ends = [end for value in known for end in value.ci95]
    ends += [] if chance is None else [chance]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    pad, lowest = 0.07 * max(high - low, 0.02), float(limit.y.min())
    return low - pad, max(high + pad, min(1.0, lowest + 0.35 * (max(high, lowest) - low)))


def _describe_lines(places: Places, lines: Mapping[str, Values]) -> str:
    parts = []
    for name, values in lines.items():
        known = [
            (label, value)
            for label, value in zip(places.labels, values, strict=True)
            if isinstance(value, Estimate)
        ]
        if known:
            (first, start), (last, end) = known[0], known[-1]
            parts.append(
                f"{name} from {percent(start.value)} at {first} to {percent(end.value)} at {last}"
            )
    return "; ".join(parts)


def _auc_figure(
    points: Points, places: Places, limit: Limit | None = None, caption: str = ""
) -> Lines:
    names = chosen_attacks(points)
    several = plural(points[-1].attacks[names[0]].auc.n, "model")
    return strength_figure(
        "study-auc",
        f"AUC, by {places.title}",
        caption
        or f"The mean over {several} attacked in turn; bars are 95% intervals over them. Attacks "
        "that are alike everywhere share a line.",
        places,
        "AUC",
        {label(points, name): [p.attacks[name].auc for p in points] for name in names},
        limit=limit,
    )


def _tpr_figures(points: Points, places: Places, limit: Limit | None = None) -> list[Figure]:
    """Return the TPR at 1 % FPR, where that was resolved."""
    lines = {
        label(points, name): [p.attacks[name].tpr_at_fpr.get(f"{RATE:g}") for p in points]
        for name in chosen_attacks(points)
    }
    if not any(isinstance(value, Estimate) for values in lines.values() for value in values):
        return []
    allowed = " The dashed line is the most that (ε, δ) allows any attack." if limit else ""
    caption = (
        "The share of members found while at most 1% of non-members are called members by mistake, "
        "no step interpolated. A point is missing where there are too few non-members to resolve "
        f"such a rate.{allowed}"
    )
    title = f"TPR at 1% FPR, by {places.title}"
    return [
        strength_figure("study-tpr", title, caption, places, "TPR at 1% FPR", lines, RATE, limit)
    ]


def _by_models(study: ReferencesStudy) -> list[Figure]:
    numbers = [float(point.value or 0) for point in study.points]
    places = Places(numbers, [f"{number:g}" for number in numbers], "reference models")
    return [_auc_figure(study.points, places), *_tpr_figures(study.points, places)]


def _by_size(study: SizeStudy) -> list[Figure]:
    kinds: dict[str, list[CohortPoint | OrderPoint]] = {"random": [], "control": [], "order": []}
    for point in study.points:
        kinds[str(point.records_are)].append(point)
    random = kinds["random"]
    numbers = [float(point.value or 0) for point in random]
    places = Places(numbers, [f"{number:,.0f}" for number in numbers], "records trained on")
    figures: list[Figure] = [_auc_figure(random, places), *_tpr_figures(random, places)]
    if kinds["order"]:
        figures.append(_ordered(kinds["control"], kinds["order"], places))
    return [*figures, *separation_by_size(random, places)]


def _ordered(control: Points, order: Points, places: Places) -> Lines:
    names = chosen_attacks(control)
    best = YARDSTICK if YARDSTICK in control[-1].attacks else names[0]
    lines: dict[str, Values] = {
        "difficulty alone": [p.difficulty.auc for p in order if isinstance(p, OrderPoint)],
        f"in order: {best}": [point.attacks[best].auc for point in order],
        f"coins: {best}": [point.attacks[best].auc for point in control],
        f"coins: {names[0]}": [point.attacks[names[0]].auc for point in control],
    }
    return strength_figure(
        "study-order",
        "In an order, and by coins in the same order",
        "“In order” is a model trained on the first records of the order, attacked on as many of "
        "the next: this measures difficulty, not membership, and “difficulty alone” shows it, by "
        "models that never saw the record. “Coins” is the control: the same records, each trained "
        "on by an independent coin; only this is membership.",
        places,
        "AUC",
        lines,
    )


def _by_budget(study: BudgetStudy) -> list[Figure]:
    budgets = [point for point in study.points if point.privacy is not None]
    accounted = np.array([point.privacy.epsilon for point in budgets if point.privacy is not None])
    delta = budgets[-1].privacy.delta if budgets[-1].privacy is not None else 0.0
    labels = [f"{point.value:g}" for point in budgets]
    numbers, points = accounted.tolist(), list(budgets)
    if without := [point for point in study.points if point.privacy is None]:
        numbers.append(NO_BUDGET_FACTOR * numbers[-1])
        points += without
    places = Places(numbers, [*labels, *(["none"] if without else [])], "privacy budget ε")
    x = np.geomspace(accounted[0] / 1.2, accounted[-1], GRID)
    caption = (
        "Each budget is a cohort of its own, references trained under the budget of the target. "
        "The dashed line is exact: no attack on a model trained to that (ε, δ) can average more, "
        f"at δ = {delta:g} and the accounted ε. “None” is the same network without clipping and "
        "noise."
    )
    return [
        _auc_figure(points, places, Limit(x, greatest_auc(x, delta)), caption),
        *_tpr_figures(points, places, Limit(x, greatest_tpr(RATE, x, delta))),
        separation_by_epsilon(budgets, Places(accounted.tolist(), labels, "accounted ε")),
    ]


def _by_curvature(study: CurvatureStudy) -> list[Figure]:
    points = study.points
    steps = sorted({float(point.value or 0) for point in points})
    places = Places(steps, [f"{step:g}" for step in steps], "step h, normalised pixels")
    named = max(
        points[0].attacks,
        key=lambda name: max(point.attacks[name].auc.value for point in points),
    )
    kinds = sorted({(point.queries, point.probes, len(point.views)) for point in points})
    shown = [kinds[0], *kinds[1:-1][-2:], kinds[-1]] if len(kinds) > MAX_LINES else kinds
    most = kinds[-1]
    floors = {
        "members": [_at_floor(points, step, most, "members") for step in steps],
        "non-members": [_at_floor(points, step, most, "non_members") for step in steps],
    }
    return [
        strength_figure(
            "study-auc",
            f"AUC of {named}, by step",
            f"The strongest attack that reads only curvature, {named}. The step belongs to the "
            "definition of the score: every step is a score of its own, with references measured "
            "alike. A probe costs four queries, and every view costs all of them again.",
            places,
            "AUC",
            {
                f"{plural(kind[1], 'probe')}, {plural(kind[2], 'view')}": [
                    _measured(points, step, kind).attacks[named].auc for step in steps
                ]
                for kind in shown
            },
        ),
        strength_figure(
            "study-floor",
            "Values that rounding alone explains",
            "The share of values no larger than what rounding one logit makes, with "
            f"{plural(most[1], 'probe')} and {plural(most[2], 'view')}. Such records tie: no "
            "attack can separate them. Their share has no interval.",
            places,
            "share at the floor",
            floors,
            None,
        ),
    ]


Kind = tuple[int, int, int]
"""Queries, probes and views of a curvature."""


def _measured(points: Sequence[CurvaturePoint], step: float, kind: Kind) -> CurvaturePoint:
    return next(
        point
        for point in points
        if point.value == step and (point.queries, point.probes, len(point.views)) == kind
    )


def _at_floor(points: Sequence[CurvaturePoint], step: float, kind: Kind, side: str) -> Estimate:
    share = float(getattr(_measured(points, step, kind).at_floor, side))
    return Estimate(share, (share, share), 1)
