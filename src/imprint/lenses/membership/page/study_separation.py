"""Measured separations beside bounds of papers, whose shape alone means anything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.page.study_lines import (
    CHANCE,
    CURVATURE,
    MARKERS,
    Places,
    Points,
    chosen_attacks,
)
from imprint.lenses.membership.privacy.theory import kl_curvature, kl_probability, kl_pure
from imprint.report.figures.lines import Lines
from imprint.report.marks import Axis, Dash, Figure, Series
from imprint.report.wording import decimal, significant

GRID = 200
DASHES: tuple[Dash, ...] = ("dashed", "dotted", "dash-dot")
MEASURED = (
    "Measured: the divergence of two normal laws with the measured AUC; missing where its interval "
    "reaches one half."
)
FREE_HEIGHT = (
    "Its constants are unknown, so only its shape means anything: it is put through the last "
    "measured point of curvature. A looser upper bound is no proof of a stronger attack."
)


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
    title = "Measured separation and published bounds"
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
    title = "Measured separation and published bound"
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
