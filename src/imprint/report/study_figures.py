"""The plots of a study: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from scipy.special import ndtri

from imprint.membership.theory import (
    greatest_auc,
    greatest_tpr,
    kl_curvature,
    kl_probability,
    kl_pure,
)
from imprint.report import study_plots as plots
from imprint.report.inputs import Estimate, as_estimate, estimate, lookup, mapping, number
from imprint.report.section import Figure
from imprint.report.wording import plural
from imprint.stats.checks import FloatArray

CHANCE, RATE = 0.5, 0.01
YARDSTICK, CURVATURE = "loss", "curvature"
ALIKE = 5e-4
FINE = 200
NO_BUDGET = 4.0
"""How many times the largest budget the place of none lies on the axis."""

Points = Sequence[Mapping[str, Any]]


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


def chosen_attacks(points: Points) -> list[str]:
    """Return the attacks worth a line: the two best at the end, the best on curvature, the loss.

    Attacks that are alike at every point share a line, under both names.
    """
    last = mapping(points[-1], "attacks")
    names = sorted(last, key=lambda name: (-estimate(last, name, "auc").value, name))
    names = [name for name in names if all(name in point["attacks"] for point in points)]
    different: list[str] = []
    for name in names:
        if not any(_alike(points, name, other) for other in different):
            different.append(name)
    wanted = [name for name in different if CURVATURE not in name and name != YARDSTICK][:2]
    wanted += [name for name in different if CURVATURE in name][:1]
    wanted += [name for name in different if _alike(points, name, YARDSTICK)]
    return list(dict.fromkeys(wanted))[: plots.MOST_LINES]


def _alike(points: Points, first: str, second: str) -> bool:
    if any(second not in point["attacks"] for point in points):
        return False
    return all(
        abs(_auc(point, first).value - _auc(point, second).value) < ALIKE for point in points
    )


def _label(points: Points, name: str) -> str:
    """Return a name, with one more that is alike at every point."""
    others = [
        other for other in points[-1]["attacks"] if other != name and _alike(points, name, other)
    ]
    return " = ".join([name, *others[:1]])


def _auc(point: Mapping[str, Any], name: str) -> Estimate:
    return estimate(point, "attacks", name, "auc")


def _tpr(point: Mapping[str, Any], name: str) -> Estimate | None:
    return as_estimate(lookup(point, "attacks", name, "tpr_at_fpr").get(f"{RATE:g}"))


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
    lines = {_label(points, name): [_auc(point, name) for point in points] for name in names}
    drawn = plots.strengths(
        "study-auc", places, labels, lines, what, "area under the curve", CHANCE, limit
    )
    several = plural(_auc(points[-1], names[0]).n, "model")
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
        _label(points, name): [_tpr(point, name) for point in points]
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
    return [*figures, *_separation_by_size(random, np.array(places), labels)]


def _ordered(points: Points, places: Sequence[float], labels: Sequence[str]) -> Figure:
    of = {
        kind: [point for point in points if point["records_are"] == kind]
        for kind in ("random", "control", "order")
    }
    names = chosen_attacks(of["control"])
    best = YARDSTICK if YARDSTICK in of["control"][-1]["attacks"] else names[0]
    lines: dict[str, list[Estimate | None]] = {
        "difficulty alone": [estimate(point, "difficulty", "auc") for point in of["order"]],
        f"in order: {best}": [_auc(point, best) for point in of["order"]],
        f"coins: {best}": [_auc(point, best) for point in of["control"]],
        f"coins: {names[0]}": [_auc(point, names[0]) for point in of["control"]],
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
        _separation_by_epsilon(budgets, np.array(accounted), labels[: len(budgets)]),
    ]


def separation(area: float) -> float:
    """Return the divergence of two normal laws of one deviation that have this AUC, in nats.

    AUC = Φ(d / √2) and KL = d² / 2, so KL = Φ⁻¹(AUC)²; NaN at or below one half.

    >>> round(separation(0.76), 3)
    0.499
    """
    return float(ndtri(area) ** 2) if CHANCE < area < 1 else float("nan")


def _separations(points: Points) -> dict[str, FloatArray]:
    names = chosen_attacks(points)
    wanted = [name for name in names if CURVATURE not in name][:1]
    wanted += [name for name in names if CURVATURE in name][:1]
    return {
        f"measured: {name}": np.array([separation(_auc(point, name).value) for point in points])
        for name in wanted
    }


_FREE_HEIGHT = (
    "Its constants are unknown, so only its shape means anything: it is put through the last "
    "measured point of curvature. A looser upper bound is no proof of a stronger attack."
)


def _through(shape: FloatArray, at: FloatArray, measured: Mapping[str, FloatArray]) -> FloatArray:
    """Return a shape scaled through the last separation that was found of curvature.

    Args:
        shape: float64 ``[FINE + n]``, on the fine grid and then at the ``n`` measured places.
        at: float64 ``[n]``, the places.
        measured: by attack; empty is returned where none read curvature or found anything.
    """
    of = next((values for name, values in measured.items() if CURVATURE in name), np.zeros(0))
    known = np.flatnonzero(np.isfinite(of))
    if not len(known):
        return np.zeros(0)
    return np.asarray(shape[:FINE] / shape[len(shape) - len(at) + known[-1]] * of[known[-1]])


def _separation_by_epsilon(points: Points, accounted: FloatArray, labels: Sequence[str]) -> Figure:
    measured = _separations(points)
    x = np.geomspace(accounted[0], accounted[-1], FINE)
    shape = kl_curvature(np.concatenate([x, accounted]), 1.0, 1.0)
    bounds = {
        "bound on probability scores: ε": (x, kl_probability(x)),
        "exact at δ = 0: ε tanh(ε/2)": (x, kl_pure(x)),
    }
    curve = _through(shape, accounted, measured)
    if len(curve):
        bounds["shape of the curvature bound"] = (x, curve)
    return Figure(
        "Separation, beside the bounds of papers",
        Markup(plots.divergences("study-kl", accounted, labels, measured, bounds, "accounted ε")),
        "Measured: the divergence of two normal laws with the measured area under the curve; "
        "missing where that is at or below one half. Bounds are upper bounds on a divergence."
        + (
            " The curvature bound is [Lm(1 − e^−ε) + L + c]² / 2σ², drawn for L = m = 1 and c = 0. "
            + _FREE_HEIGHT
            if len(curve)
            else ""
        ),
    )


def _separation_by_size(points: Points, sizes: FloatArray, labels: Sequence[str]) -> list[Figure]:
    """Return measured separations beside the curvature bound; none if curvature shows nothing."""
    measured = _separations(points)
    x = np.geomspace(sizes[0], sizes[-1], FINE)
    curve = _through(kl_curvature(np.inf, np.concatenate([x, sizes]), 1.0), sizes, measured)
    if not len(curve):
        return []
    bounds = {"shape of the curvature bound": (x, curve)}
    figure = Figure(
        "Separation, beside the bound of the papers",
        Markup(
            plots.divergences("study-kl", sizes, labels, measured, bounds, "records trained on")
        ),
        "Measured: the divergence of two normal laws with the measured area under the curve; "
        "missing where that is at or below one half. The dashed line is the curvature bound "
        "without privacy, [L(m + 1) + c]² / 2σ², for L = 1 and c = 0. It grows with the set, "
        "which is no prediction that leakage does. " + _FREE_HEIGHT,
    )
    return [figure]


def _by_curvature(points: Points) -> list[Figure]:
    steps = sorted({number(point, "value") for point in points})
    labels = [f"{step:g}" for step in steps]
    best = chosen_attacks(points)[0]
    named = max(
        (name for name in points[0]["attacks"]),
        key=lambda name: max(_auc(point, name).value for point in points),
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
        areas[what] = [_auc(at[step], named) for step in steps]
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
            return Estimate(share, share, share, 1)
    return None
