"""The figures of a study: how strong attacks are by what was varied, beside theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.theory import (
    greatest_auc,
    greatest_tpr,
    kl_curvature,
    kl_probability,
    kl_pure,
)
from imprint.lenses.membership.study_findings import (
    AnyPoint,
    BudgetStudy,
    CohortPoint,
    CurvaturePoint,
    CurvatureStudy,
    OrderPoint,
    ReferencesStudy,
    SizeStudy,
    StudyFindings,
)
from imprint.report.figure import (
    Area,
    Axis,
    Dash,
    Figure,
    Level,
    Lines,
    Marker,
    Series,
    estimates,
)
from imprint.report.wording import decimal, percent, plural, short_percent, significant
from imprint.stats.estimate import Estimate

CHANCE = 0.5
RATE = 0.01
YARDSTICK, CURVATURE = "loss", "curvature"
MAX_LINES = 4
MAX_EQUAL_AUC_GAP = 5e-4
GRID = 200
NO_BUDGET_FACTOR = 4.0
"""How many times the largest budget the place of none lies on the axis."""
MARKERS: tuple[Marker, ...] = ("dot", "square", "triangle", "diamond")
DASHES: tuple[Dash, ...] = ("dashed", "dotted", "dash-dot")

Points = Sequence[AnyPoint]
Values = Sequence[Estimate | Missing | None]


@dataclass(frozen=True)
class Places:
    """Where points lie on the axis: numbers, how they are written there, and the axis' title."""

    numbers: Sequence[float]
    labels: Sequence[str]
    title: str

    @property
    def axis(self) -> Axis:
        """The logarithmic axis."""
        ticks = list(zip(self.numbers, self.labels, strict=True))
        return Axis(self.title, log=True, ticks=ticks)


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


def chosen_attacks(points: Points) -> list[str]:
    """Return the attacks worth a line: the two best at the end, the best on curvature, the loss.

    Attacks that are alike at every point share a line, under both names.
    """
    last = points[-1].attacks
    names = sorted(last, key=lambda name: (-last[name].auc.value, name))
    names = [name for name in names if all(name in point.attacks for point in points)]
    different: list[str] = []
    for name in names:
        if not any(_are_alike(points, name, other) for other in different):
            different.append(name)
    wanted = [name for name in different if CURVATURE not in name and name != YARDSTICK][:2]
    wanted += [name for name in different if CURVATURE in name][:1]
    wanted += [name for name in different if _are_alike(points, name, YARDSTICK)]
    return list(dict.fromkeys(wanted))[:MAX_LINES]


def _are_alike(points: Points, first: str, second: str) -> bool:
    if any(second not in point.attacks for point in points):
        return False
    gaps = (point.attacks[first].auc.value - point.attacks[second].auc.value for point in points)
    return all(abs(gap) < MAX_EQUAL_AUC_GAP for gap in gaps)


def _label(points: Points, name: str) -> str:
    """Return the name of an attack, with one more that is alike at every point."""
    others = [
        other for other in points[-1].attacks if other != name and _are_alike(points, name, other)
    ]
    return " = ".join([name, *others[:1]])


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
        {_label(points, name): [p.attacks[name].auc for p in points] for name in names},
        limit=limit,
    )


def _tpr_figures(points: Points, places: Places, limit: Limit | None = None) -> list[Figure]:
    """Return the TPR at 1 % FPR, where that was resolved."""
    lines = {
        _label(points, name): [p.attacks[name].tpr_at_fpr.get(f"{RATE:g}") for p in points]
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
    numbers, every = accounted.tolist(), list(budgets)
    if without := [point for point in study.points if point.privacy is None]:
        numbers.append(NO_BUDGET_FACTOR * numbers[-1])
        every += without
    places = Places(numbers, [*labels, *(["none"] if without else [])], "privacy budget ε")
    x = np.geomspace(accounted[0] / 1.2, accounted[-1], GRID)
    caption = (
        "Each budget is a cohort of its own, references trained under the budget of the target. "
        "The dashed line is exact: no attack on a model trained to that (ε, δ) can average more, "
        f"at δ = {delta:g} and the accounted ε. “None” is the same network without clipping and "
        "noise."
    )
    return [
        _auc_figure(every, places, Limit(x, greatest_auc(x, delta)), caption),
        *_tpr_figures(every, places, Limit(x, greatest_tpr(RATE, x, delta))),
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
            f"The strongest attack here that reads curvature alone, {named}. The step belongs to "
            "the definition of the score: every step is a score of its own, with references "
            "measured alike. A probe costs four queries, and every view costs all of them again.",
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
            "Values that are rounding alone",
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


def separation(area: float) -> float:
    """Return the divergence of two normal laws of one deviation that have this AUC, in nats.

    AUC = Φ(d / √2) and KL = d² / 2, so KL = Φ⁻¹(AUC)²; NaN at or below one half.

    >>> round(separation(0.76), 3)
    0.499
    """
    return float(ndtri(area) ** 2) if CHANCE < area < 1 else float("nan")


def _separations(points: Points) -> dict[str, FloatArray]:
    """Return separations by attack, of those whose AUC is above one half at some point."""
    names = chosen_attacks(points)
    wanted = [name for name in names if CURVATURE not in name][:1]
    wanted += [name for name in names if CURVATURE in name][:1]
    measured = {}
    for name in wanted:
        areas = [point.attacks[name].auc for point in points]
        measured[f"measured: {name}"] = np.array(
            [separation(area.value) if area.low > CHANCE else np.nan for area in areas]
        )
    return {name: values for name, values in measured.items() if np.isfinite(values).any()}


MEASURED = (
    "Measured: the divergence of two normal laws with the measured AUC; missing where its interval "
    "reaches one half."
)
FREE_HEIGHT = (
    "Its constants are unknown, so only its shape means anything: it is put through the last "
    "measured point of curvature. A looser upper bound is no proof of a stronger attack."
)


def through(shape: FloatArray, at: FloatArray, measured: Mapping[str, FloatArray]) -> FloatArray:
    """Return a shape scaled through the last separation that was measured of curvature.

    Args:
        shape: float64 ``[GRID + n]``, on the grid and then at the ``n`` measured places.
        at: float64 ``[n]``, the places.
        measured: by attack; empty is returned where none read curvature or measured anything.
    """
    of = next((values for name, values in measured.items() if CURVATURE in name), np.zeros(0))
    known = np.flatnonzero(np.isfinite(of))
    if not len(known):
        return np.zeros(0)
    return np.asarray(shape[:GRID] / shape[len(shape) - len(at) + known[-1]] * of[known[-1]])


def separation_by_epsilon(points: Points, places: Places) -> Lines:
    """Return measured separations by accounted ε, beside the bounds on them."""
    accounted = np.array(places.numbers)
    measured = _separations(points)
    x = np.geomspace(accounted[0], accounted[-1], GRID)
    bounds = {
        "bound on probability scores: ε": kl_probability(x),
        "exact at δ = 0: ε tanh(ε/2)": kl_pure(x),
    }
    curve = through(kl_curvature(np.concatenate([x, accounted]), 1.0, 1.0), accounted, measured)
    caption = f"{MEASURED} Bounds are upper bounds on a divergence."
    if len(curve):
        bounds["shape of the curvature bound"] = curve
        caption += (
            " The curvature bound is [Lm(1 − e^−ε) + L + c]² / 2σ², drawn for L = m = 1 and c = 0. "
            + FREE_HEIGHT
        )
    title = "Separation, beside the bounds of papers"
    return _separation_figure(title, caption, places, measured, x, bounds)


def separation_by_size(points: Points, places: Places) -> list[Figure]:
    """Return measured separations beside the curvature bound; none if curvature shows nothing."""
    sizes = np.array(places.numbers)
    measured = _separations(points)
    x = np.geomspace(sizes[0], sizes[-1], GRID)
    curve = through(kl_curvature(np.inf, np.concatenate([x, sizes]), 1.0), sizes, measured)
    if not len(curve):
        return []
    caption = (
        f"{MEASURED} The dashed line is the curvature bound without privacy, [L(m + 1) + c]² / "
        "2σ², for L = 1 and c = 0. It grows with the set, which is no prediction that leakage "
        f"does. {FREE_HEIGHT}"
    )
    bounds = {"shape of the curvature bound": curve}
    title = "Separation, beside the bound of the papers"
    return [_separation_figure(title, caption, places, measured, x, bounds)]


def _separation_figure(
    title: str,
    caption: str,
    places: Places,
    measured: Mapping[str, FloatArray],
    x: FloatArray,
    bounds: Mapping[str, FloatArray],
) -> Lines:
    """Return measured separations and bounds in nats, both axes logarithmic."""
    points = [
        Series(name, places.numbers, y, line="none", marker=marker)
        for marker, (name, y) in zip(MARKERS, measured.items(), strict=False)
    ]
    curves = [
        Series(name, x, y, colour="muted", dash=dash)
        for dash, (name, y) in zip(DASHES, bounds.items(), strict=False)
    ]
    spoken = "; ".join(
        f"{name} {', '.join(decimal(float(value), 3) for value in y)}"
        for name, y in measured.items()
    )
    return Lines(
        name="study-kl",
        title=title,
        caption=caption,
        description=f"Separation in nats by {places.title}: {spoken}.",
        x=places.axis,
        y=Axis("separation (nats)", significant, log=True),
        series=[*points, *curves],
    )
