"""Measured separations beside bounds of papers, whose shape alone means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from scipy.special import ndtri

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.page import study_plots as plots
from imprint.lenses.membership.page.study_lines import CURVATURE, Points, auc, chosen_attacks
from imprint.lenses.membership.privacy.theory import kl_curvature, kl_probability, kl_pure
from imprint.report.section import Figure
from imprint.stats.estimate import Estimate

CHANCE = 0.5
FINE = 200


def separation(area: float) -> float:
    """Return the divergence of two normal laws of one deviation that have this AUC, in nats.

    AUC = Φ(d / √2) and KL = d² / 2, so KL = Φ⁻¹(AUC)²; NaN at or below one half.

    >>> round(separation(0.76), 3)
    0.499
    """
    return float(ndtri(area) ** 2) if CHANCE < area < 1 else float("nan")


def _separations(points: Points) -> dict[str, FloatArray]:
    """Return separations by attack, of those that found something at some point."""
    names = chosen_attacks(points)
    wanted = [name for name in names if CURVATURE not in name][:1]
    wanted += [name for name in names if CURVATURE in name][:1]
    measured = {
        f"measured: {name}": np.array([_found(auc(point, name)) for point in points])
        for name in wanted
    }
    return {name: values for name, values in measured.items() if np.isfinite(values).any()}


def _found(area: Estimate) -> float:
    return separation(area.value) if area.low > CHANCE else float("nan")


_FREE_HEIGHT = (
    "Its constants are unknown, so only its shape means anything: it is put through the last "
    "measured point of curvature. A looser upper bound is no proof of a stronger attack."
)


def through(shape: FloatArray, at: FloatArray, measured: Mapping[str, FloatArray]) -> FloatArray:
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


def separation_by_epsilon(points: Points, accounted: FloatArray, labels: Sequence[str]) -> Figure:
    """Return measured separations by accounted ε, beside the bounds on them."""
    measured = _separations(points)
    x = np.geomspace(accounted[0], accounted[-1], FINE)
    shape = kl_curvature(np.concatenate([x, accounted]), 1.0, 1.0)
    bounds = {
        "bound on probability scores: ε": (x, kl_probability(x)),
        "exact at δ = 0: ε tanh(ε/2)": (x, kl_pure(x)),
    }
    curve = through(shape, accounted, measured)
    if len(curve):
        bounds["shape of the curvature bound"] = (x, curve)
    return Figure(
        "Separation, beside the bounds of papers",
        Markup(plots.divergences("study-kl", accounted, labels, measured, bounds, "accounted ε")),
        "Measured: the divergence of two normal laws with the measured area under the curve; "
        "missing where its interval reaches one half. Bounds are upper bounds on a divergence."
        + (
            " The curvature bound is [Lm(1 − e^−ε) + L + c]² / 2σ², drawn for L = m = 1 and c = 0. "
            + _FREE_HEIGHT
            if len(curve)
            else ""
        ),
    )


def separation_by_size(points: Points, sizes: FloatArray, labels: Sequence[str]) -> list[Figure]:
    """Return measured separations beside the curvature bound; none if curvature shows nothing."""
    measured = _separations(points)
    x = np.geomspace(sizes[0], sizes[-1], FINE)
    curve = through(kl_curvature(np.inf, np.concatenate([x, sizes]), 1.0), sizes, measured)
    if not len(curve):
        return []
    bounds = {"shape of the curvature bound": (x, curve)}
    figure = Figure(
        "Separation, beside the bound of the papers",
        Markup(
            plots.divergences("study-kl", sizes, labels, measured, bounds, "records trained on")
        ),
        "Measured: the divergence of two normal laws with the measured area under the curve; "
        "missing where its interval reaches one half. The dashed line is the curvature bound "
        "without privacy, [L(m + 1) + c]² / 2σ², for L = 1 and c = 0. It grows with the set, "
        "which is no prediction that leakage does. " + _FREE_HEIGHT,
    )
    return [figure]
