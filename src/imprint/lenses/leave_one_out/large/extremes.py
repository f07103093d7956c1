"""Extremes of approximate values, computed exactly before they are named.

The record with the largest of many approximate values is the one whose error flatters it most: of
2,000 records in 8 clusters and 8 far ones, nystrom with 100 landmarks put a record first at 13,200
nats that has 5,060, and one with 10,400 third. So the fit solves for records that may be extreme
among its other right sides, and those that are named nevertheless without being known are solved
for here, until all are known.

What lies below may have been underestimated. With α known, KL(out ‖ in) rises with the variance
without the record, for k exact copies

    z ≤ k v̄/σ²,   a = σ² |Σ α|² (1 + z)/k,

and v̄, from the landmarks alone, is certain (:mod:`imprint.lenses.leave_one_out.large.nystrom`).
Records whose bound exceeds the largest known value are solved for too, and those left are counted.
The bound takes α as solved, within ``weights_error`` of the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.large.fit import LargeFit
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.self_influence import (
    SelfInfluence,
    bounded_divergence,
    from_diagonal,
)

MAX_ROUNDS = 8
RECORDS_PER_ROUND = 64
"""Records solved for at a time: fewer right sides than the fit itself has."""
TOLERANCE = 1e-6
"""Of the residuals; entries of the inverse have the square of it."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """Values of all records, of which those that are named are exact.

    Attributes:
        influence: the values.
        exact: whether a record's are exact, bool ``[n]``.
        possible: how many other records, copies counted once, may exceed the largest
            KL(out ‖ in) without their copies; 0 where the largest is certain.
    """

    influence: SelfInfluence
    exact: Tensor
    possible: int


def check_extremes(
    fit: LargeFit,
    variances: Tensor,
    copies: Tensor,
    named: Callable[[SelfInfluence], Tensor],
    divergence: Callable[[SelfInfluence], Tensor],
) -> Extremes:
    """Return the values with all those exact that are to be named.

    Args:
        fit: the approximation; one without a bound of variances is exact enough as it is.
        variances: k(s, s), float64 ``[n]``.
        copies: for each record the first with the same bytes, int64 ``[n]``.
        named: rows that values name, int64 ``[k]``.
        divergence: KL(out ‖ in) of values, copies left out together, ``[n]``.

    Raises:
        ImprintError: the conjugate gradients did not converge.
    """
    influence = fit.influence
    copies = copies.to(influence.leverage.device)
    exact = torch.zeros(len(copies), dtype=torch.bool, device=copies.device)
    if fit.variance_bound is None:
        return Extremes(influence, exact, 0)
    influence = _with_known(fit, influence, fit.known, fit.known_values, copies)
    exact |= torch.isin(copies, copies[fit.known])
    bound = divergence_bound(fit, variances, copies)
    single = copies == torch.arange(len(copies), device=copies.device)
    for _ in range(MAX_ROUNDS):
        wanted = torch.zeros_like(exact)
        wanted[copies[named(influence)]] = True
        wanted &= ~exact
        values = divergence(influence)
        largest = values[exact].max() if exact.any() else values.max()
        possible = single & ~exact & (bound > largest)
        if not (wanted | possible).any():
            break
        # What is named comes first; a pass costs nearly the same for the records that come next.
        order = torch.where(wanted, torch.inf, torch.where(single & ~exact, bound, -torch.inf))
        rows = torch.argsort(order, descending=True, stable=True)[:RECORDS_PER_ROUND]
        rows = rows[order[rows] > -torch.inf].sort().values
        influence = _with_known(fit, influence, rows, fit.exact(rows, TOLERANCE), copies)
        exact |= torch.isin(copies, rows)
    values = divergence(influence)
    largest = values[exact].max()
    return Extremes(influence, exact, int((single & ~exact & (bound > largest)).sum()))


def divergence_bound(fit: LargeFit, variances: Tensor, copies: Tensor) -> Tensor:
    """Return what KL(out ‖ in) of each record is at most, copies left out together, ``[n]``."""
    assert fit.variance_bound is not None
    count = torch.bincount(copies, minlength=len(copies))[copies]
    # The landmarks that bound a record's variance may be copies of it.
    variance = torch.where(count == 1, fit.variance_bound, variances)
    total = torch.zeros_like(fit.weights).index_add_(0, copies, fit.weights)[copies]
    return bounded_divergence(variance, total, fit.noise, count)


def _with_known(
    fit: LargeFit, influence: SelfInfluence, rows: Tensor, known: SelfInfluence, copies: Tensor
) -> SelfInfluence:
    """Return the values with those of some records, and the leverage of their copies, exact."""
    place = torch.full_like(copies, -1)
    place[copies[rows]] = torch.arange(len(rows), device=rows.device)
    alike = torch.nonzero(place[copies] >= 0).flatten()
    which = place[copies[alike]]
    leverage, weights = influence.leverage.clone(), fit.weights.clone()
    spread = influence.directions.spread[:, 0].clone()
    leverage[alike] = known.leverage[which]
    spread[alike] = known.directions.spread[which, 0]
    # α is the residual over v + σ², and 1 + z is 1/(σ²R_ss).
    weights[rows] = known.residual / (known.variance_out + fit.noise)[:, None]
    entries = 1 / (fit.noise * (1 + spread))
    changed = from_diagonal(leverage, entries, weights, fit.targets, fit.noise)
    return _replaced(influence, changed, alike)


def _replaced(influence: SelfInfluence, other: SelfInfluence, rows: Tensor) -> SelfInfluence:
    names = ("leverage", "variance_out", "residual", "shift", "memorization")
    values = {name: getattr(influence, name).clone() for name in names}
    for name in names:
        values[name][rows] = getattr(other, name)[rows]
    spread, surprise = influence.directions.spread.clone(), influence.directions.surprise.clone()
    spread[rows] = other.directions.spread[rows]
    surprise[rows] = other.directions.surprise[rows]
    return SelfInfluence(
        **values, directions=Directions(spread, surprise, influence.directions.outputs)
    )
