"""Measures of every removed record at every query, from solutions that lie in memory or on a disk.

A tile holds some records and all queries: it is read from ``[q, n]`` in strips and makes whole rows
of the measures ``[n, q]``, so that neither is ever held. What is said of a query, the strongest
record and the largest error, is merged tile by tile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior
from imprint.lenses.leave_one_out.large.query_error import RootErrors, error_bounds
from imprint.lenses.leave_one_out.large.solutions import MISSING, QUADRATIC, RESIDUAL, Solutions
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.full_model import check_variance
from imprint.lenses.leave_one_out.posterior.queries import (
    QueryInfluence,
    query_measures,
    tabulate,
)

TILE_VALUES = 1 << 20
"""Numbers of one measure in a tile."""


@dataclass(frozen=True, eq=False)
class SolvedQueries:
    """Queries with R k_Xq.

    Attributes:
        posterior: the fit.
        variance: C of each query, float64 ``[q]``.
        solutions: R k_Xq in rows.
        certain: bounds of the errors.
        estimated: what the errors are about.
    """

    posterior: LargePosterior
    variance: Tensor
    solutions: Solutions
    certain: RootErrors
    estimated: RootErrors

    def part(self, rows: slice) -> QueryInfluence:
        """Return what leaving out some records does to all queries, directions ``[r, q, 1]``."""
        kept, device = self.posterior.kept, self.posterior.device
        strip = np.ascontiguousarray(self.solutions.table[:, rows].T)
        means = torch.full((len(self.variance), self.posterior.outputs), torch.nan)
        return tabulate(
            kept.diagonal[rows],
            kept.weights[rows],
            torch.from_numpy(strip).to(device),
            means,
            self.variance,
        )


def solved_queries(
    posterior: LargePosterior, queries: Tensor, solutions: Solutions
) -> SolvedQueries:
    """Return queries with what their solutions leave open.

    Args:
        posterior: the fit.
        queries: inputs ``[q, ...]``.
        solutions: of R k_Xq, all done.

    Raises:
        ImprintError: a variance that is lost in rounding.
    """
    facts = torch.from_numpy(np.array(solutions.facts)).to(posterior.device)
    prior, noise = posterior.variances(queries), posterior.noise
    variance = (prior - facts[:, QUADRATIC]).clamp(min=0)
    check_variance(variance, prior)
    residual = facts[:, RESIDUAL]
    weights = posterior.kept.weights_residual / noise**0.5
    certain = RootErrors(residual / noise**0.5, residual.square() / noise, weights)
    # rᵀR̂r is not kept: its bound is of second order and as good.
    estimated = RootErrors(facts[:, MISSING], residual.square() / noise, 0.0)
    return SolvedQueries(posterior, variance, solutions, certain, estimated)


@dataclass(eq=False)
class LargestErrors:
    """The largest error of each measure over records, by query, ``[q]`` by name."""

    certain: dict[str, Tensor] = field(default_factory=dict)
    estimated: dict[str, Tensor] = field(default_factory=dict)

    def merge(self, solved: SolvedQueries, influence: QueryInfluence, rows: slice) -> None:
        """Take some records into account."""
        own = solved.posterior.kept.diagonal[rows]
        for largest, errors in (
            (self.certain, solved.certain),
            (self.estimated, solved.estimated),
        ):
            for name, values in error_bounds(influence, own, errors).items():
                most = values.amax(0)
                largest[name] = torch.maximum(largest.get(name, most), most)


def measured_rows(
    solved: SolvedQueries,
    labels: Tensor | None,
    wanted: Collection[str] | None,
    errors: LargestErrors,
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield some records and their measures at all queries, in bounded memory.

    Args:
        solved: the queries.
        labels: their classes, int64 ``[q]``, if known.
        wanted: names of measures, as
            :func:`imprint.lenses.leave_one_out.posterior.queries.query_measures` has them.
        errors: takes what the errors may be.
    """
    posterior = solved.posterior
    for rows in record_tiles(posterior.records, len(solved.variance)):
        influence = solved.part(rows)
        own = Directions(
            posterior.own.spread[rows], posterior.own.surprise[rows], posterior.outputs
        )
        errors.merge(solved, influence, rows)
        yield rows, query_measures(influence, own, labels, wanted)


def record_tiles(records: int, queries: int) -> list[slice]:
    """Return the records of each tile."""
    height = max(1, TILE_VALUES // queries)
    return [slice(start, min(start + height, records)) for start in range(0, records, height)]
