"""The search for the query that best reveals a removed record, many records at once.

The search knows the record and the rest of the data: it shows what the most revealing query looks
like, and is not an attack by someone who lacks the record. The bound on any query is known
beforehand,
so every search is certified by KL(query) / KL(S), and stopped by it (see
:mod:`imprint.lenses.leave_one_out.posterior.distinguishability`). Values are those of the query
that is returned, computed anew from it by the formulas for groups, whatever the search climbed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import (
    Directions,
    certificate,
    joined_directions,
)
from imprint.lenses.leave_one_out.posterior.groups import (
    group_joint_influence,
    group_self_influence,
)
from imprint.lenses.leave_one_out.search.climb import Climb, adam, lbfgs
from imprint.lenses.leave_one_out.search.query_domain import Anywhere, Domain, Starts
from imprint.lenses.leave_one_out.search.query_objective import LeakOfQueries

Method = Literal["lbfgs", "adam"]


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Checked):
    """How each search runs."""

    method: Method = "lbfgs"
    """lbfgs, or adam as in the publication, which takes some ten times the steps."""
    steps: Annotated[int, Bounds(least=0)] = 200
    """Maximum steps per start."""
    restarts: Annotated[int, Bounds(least=1)] = 1
    """Most starts of one search; another follows only if the one before fell short."""
    target_share: Annotated[float, Bounds(above=0, most=1)] = 0.999
    """Stop at this certificate, except for the mean distance, which has none."""
    tolerance: Annotated[float, Bounds(least=0)] = 1e-7
    """Stop where a step gains no more than this share of the value."""
    learning_rate: Annotated[float, Bounds(above=0)] = 0.03
    """Of Adam, in units of the inputs."""
    together: Annotated[int, Bounds(least=1)] = 128
    """Searches evaluated in one batch; memory is some 30 times their queries."""


@dataclass(frozen=True, eq=False)
class FoundQueries:
    """The best query set of every search, one row per search.

    Attributes:
        queries: float64 ``[b, q, ...]``.
        starts: of the restart that reached them, likewise.
        objective: what was climbed, over its value at S, ``[b]``.
        own: directions at S, ``[b, k]``.
        reached: directions at the queries, ``[b, min(k, q)]``.
        attempt: which start led there, int64 ``[b]``.
        steps: of that attempt, int64 ``[b]``.
        evaluations: kernel rows a query in all attempts, int64 ``[b]``.
    """

    queries: Tensor
    starts: Tensor
    objective: Tensor
    own: Directions
    reached: Directions
    attempt: Tensor
    steps: Tensor
    evaluations: Tensor

    @property
    def certificate(self) -> Tensor:
        """KL(out ‖ in) at the queries over that at S, ``[b]``, in [0, 1] up to rounding."""
        return certificate(self.reached, self.own)


def search_queries(
    leak: LeakOfQueries,
    starts: Starts,
    options: SearchOptions | None = None,
    domain: Domain | None = None,
) -> FoundQueries:
    """Climb from the starts, many searches at once.

    Args:
        leak: the objective and the removed groups.
        starts: queries of each attempt.
        options: how to climb.
        domain: where queries may lie; anywhere by default.

    Raises:
        ImprintError: starts that do not fit the searches.
    """
    options, domain = options or SearchOptions(), domain or Anywhere()
    best = _Best.of(domain.queries(domain.coordinates(_checked(starts(0), leak))))
    for attempt in range(options.restarts):
        if not best.short.any():
            break
        start = best.starts if attempt == 0 else _checked(starts(attempt), leak)
        for rows in torch.split(torch.nonzero(best.short).flatten(), options.together):
            _attempt(leak, domain, options, best, rows, start[rows], attempt)
    reached = [_at_queries(leak, group, best.queries[group]) for group in range(leak.searches)]
    return FoundQueries(
        best.queries,
        best.starts,
        best.objective,
        group_self_influence(leak.posterior, leak.groups),
        _stacked(reached),
        best.attempt,
        best.steps,
        best.evaluations,
    )


@dataclass(eq=False)
class _Best:
    queries: Tensor
    starts: Tensor
    objective: Tensor
    short: Tensor
    attempt: Tensor
    steps: Tensor
    evaluations: Tensor

    @classmethod
    def of(cls, starts: Tensor) -> _Best:
        count = torch.zeros(len(starts), dtype=torch.int64, device=starts.device)
        nothing = torch.full_like(count, -math.inf, dtype=torch.float64)
        return cls(starts.clone(), starts, nothing, count == 0, count, count.clone(), count.clone())


def _attempt(
    leak: LeakOfQueries,
    domain: Domain,
    options: SearchOptions,
    best: _Best,
    rows: Tensor,
    start: Tensor,
    attempt: int,
) -> None:
    shape = start.shape[1:]

    def evaluate(points: Tensor, subset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            reached = leak(domain.queries(points.view(-1, *shape)), rows[subset])
            (gradient,) = torch.autograd.grad(reached.objective.sum(), points)
        return reached.objective.detach(), gradient, _is_enough(leak, options, reached.certificate)

    at = domain.coordinates(start).flatten(1)
    if options.method == "lbfgs":
        climb = lbfgs(evaluate, at, options.steps, options.tolerance)
    else:
        rate = options.learning_rate
        climb = adam(evaluate, at, options.steps, options.tolerance, rate)
    _keep(leak, domain, options, best, rows, start, attempt, climb)


def _keep(
    leak: LeakOfQueries,
    domain: Domain,
    options: SearchOptions,
    best: _Best,
    rows: Tensor,
    start: Tensor,
    attempt: int,
    climb: Climb,
) -> None:
    best.evaluations[rows] += climb.evaluations
    better = climb.values > best.objective[rows]
    gained = rows[better]
    queries = domain.queries(climb.points[better].view(-1, *start.shape[1:]))
    best.queries[gained], best.starts[gained] = queries, start[better]
    best.objective[gained], best.steps[gained] = climb.values[better], climb.steps[better]
    best.attempt[gained] = attempt
    with torch.no_grad():
        reached = leak(best.queries[rows], rows).certificate
    best.short[rows] = ~_is_enough(leak, options, reached)


def _is_enough(leak: LeakOfQueries, options: SearchOptions, reached: Tensor) -> Tensor:
    if leak.objective == "mean_distance":
        return torch.zeros_like(reached, dtype=torch.bool)
    return reached >= options.target_share


def _at_queries(leak: LeakOfQueries, search: int, queries: Tensor) -> Directions:
    with torch.no_grad():
        prepared = leak.kernel.prepare(queries)
        cross, covariance = leak.kernel(prepared, leak.records), leak.kernel(prepared)
    return group_joint_influence(leak.posterior, leak.groups[search], cross, covariance)


def _stacked(parts: list[Directions]) -> Directions:
    most = max(directions.spread.shape[-1] for directions in parts)

    def padded(values: Tensor) -> Tensor:
        return torch.nn.functional.pad(values, (0, most - values.shape[-1]))

    return Directions(
        torch.stack([padded(directions.spread) for directions in parts]),
        torch.stack([padded(directions.surprise) for directions in parts]),
        parts[0].outputs,
    )


def _checked(starts: Tensor, leak: LeakOfQueries) -> Tensor:
    if starts.ndim < 3 or len(starts) != leak.searches or not starts.isfinite().all():
        raise ImprintError(
            f"starts of shape {list(starts.shape)} do not fit {leak.searches} searches: "
            "give finite queries [b, q, ...]"
        )
    return starts.double()


def joined_queries(parts: Sequence[FoundQueries]) -> FoundQueries:
    """Return the searches of several fits one after another.

    Args:
        parts: searches with as many queries and removed records each.
    """
    own, reached = [each.own for each in parts], [each.reached for each in parts]
    tensors = {
        name: torch.cat([getattr(each, name) for each in parts])
        for name in ("queries", "starts", "objective", "attempt", "steps", "evaluations")
    }
    return FoundQueries(**tensors, own=joined_directions(own), reached=joined_directions(reached))
