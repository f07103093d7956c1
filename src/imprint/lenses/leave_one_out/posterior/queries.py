"""What removing a record does to predictions elsewhere: every record against every query.

With B = K_qX R and the variance C = k(q, q) − B K_Xq of the model with all records,

    μ_in − μ_out = B_qs α_s / R_ss,   z = B_qs² / (R_ss C_q),   a = |α_s|² / R_ss,

so one product of the queries with R answers for all removed records. Queries that are training
records need no product at all: K R = I − σ²R. Tables have one row per removed record and one column
a query; compute many queries in blocks of columns (:func:`query_table`, :func:`training_table`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.distinguishability import (
    Directions,
    Measure,
    certificate,
)
from imprint.lenses.leave_one_out.posterior.full_model import with_all
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.targets import towards_targets


@dataclass(frozen=True, eq=False)
class QueryInfluence:
    """Single queries, each by itself, against every removed record; float64.

    Attributes:
        mean_in: ``[q, c]``, prediction of the model with all records.
        variance_in: ``[q]``.
        response: B_qs / R_ss, ``[n, q]``: how far the mean moves for each unit of α_s.
        weights: α, ``[n, c]``.
        directions: ``[n, q, 1]``.
    """

    mean_in: Tensor
    variance_in: Tensor
    response: Tensor
    weights: Tensor
    directions: Directions

    @property
    def shift(self) -> Tensor:
        """μ_in − μ_out, ``[n, q, c]``, signed."""
        return self.response[..., None] * self.weights[:, None]

    @property
    def mean_distance(self) -> Tensor:
        """½ mean over outputs of (μ_in − μ_out)², ``[n, q]``."""
        return 0.5 * self.response.square() * self.weights.square().mean(1)[:, None]

    def towards(self, labels: Tensor) -> Tensor:
        """Return the shift of the output of each query's class, ``[n, q]``; labels int64 ``[q]``.

        What :func:`signed_influence` says, without the shift of the other outputs.
        """
        if self.weights.shape[1] == 1:
            return self.response * self.weights * (2 * labels - 1)
        return self.response * self.weights[:, labels]

    @property
    def variance_out(self) -> Tensor:
        """Variance at the queries without the record, ``[n, q]``."""
        return self.variance_in * (1 + self.directions.spread[..., 0])


def query_influence(posterior: Posterior, cross: Tensor, variances: Tensor) -> QueryInfluence:
    """Return what each record's removal does to some queries.

    Args:
        posterior: the fit of all records.
        cross: k(query, record), float64 ``[q, n]``.
        variances: k(query, query), float64 ``[q]``.

    Raises:
        ImprintError: shapes that do not fit, or a variance that is lost in rounding.
    """
    product, variance_in = with_all(posterior, cross, variances)
    return _tabulate(posterior, product, cross @ posterior.weights, variance_in)


def training_influence(posterior: Posterior, queries: slice | Tensor) -> QueryInfluence:
    """Return what each record's removal does to the predictions for some of the records.

    Args:
        posterior: the fit of all records.
        queries: which records are queried, a slice or int64 ``[q]``.
    """
    leverage, own = posterior.leverage[queries], posterior.inverse[queries]
    product = -posterior.noise * own
    rows = torch.arange(posterior.records, device=own.device)[queries]
    product[torch.arange(len(rows), device=own.device), rows] = leverage
    mean_in = posterior.targets[queries] - posterior.noise * posterior.weights[queries]
    return _tabulate(posterior, product, mean_in, posterior.noise * leverage)


def query_table(
    posterior: Posterior, cross: Tensor, variances: Tensor, measure: Measure, block: int = 1024
) -> Tensor:
    """Return one measure of every removed record at every query, ``[n, q]``.

    Args:
        posterior: the fit of all records.
        cross: k(query, record), float64 ``[q, n]``.
        variances: k(query, query), float64 ``[q]``.
        measure: such as ``Directions.kl_out_in``.
        block: queries at a time; memory is some ten times ``block`` × n numbers.
    """
    parts = zip(torch.split(cross, block), torch.split(variances, block), strict=True)
    columns = [measure(query_influence(posterior, *part).directions) for part in parts]
    return torch.cat(columns, dim=1)


def training_table(posterior: Posterior, measure: Measure, block: int = 1024) -> Tensor:
    """Return one measure of every removed record at every record, ``[n, n]``.

    Rows are removed records, columns the queried ones; the diagonal is the self-influence.
    """
    starts = range(0, posterior.records, block)
    blocks = (slice(start, start + block) for start in starts)
    columns = [measure(training_influence(posterior, part).directions) for part in blocks]
    return torch.cat(columns, dim=1)


def _tabulate(
    posterior: Posterior, product: Tensor, mean_in: Tensor, variance_in: Tensor
) -> QueryInfluence:
    own, weights = posterior.inverse_diagonal, posterior.weights
    return tabulate(own, weights, product.T, mean_in, variance_in)


def tabulate(
    own: Tensor, weights: Tensor, solved: Tensor, mean_in: Tensor, variance_in: Tensor
) -> QueryInfluence:
    """Return what each record's removal does to some queries, from R k_Xq.

    Args:
        own: R_ss, float64 ``[n]``.
        weights: α, ``[n, c]``.
        solved: R k_Xq, ``[n, q]``.
        mean_in: ``[q, c]``, prediction of the model with all records.
        variance_in: ``[q]``.
    """
    own = own[:, None]
    response = solved / own
    gain = response.square() * own
    # A query of no variance is no function of the data: nothing moves there, and 0/0 is 0.
    spread = torch.where(variance_in > 0, gain / variance_in, torch.zeros_like(gain))
    surprise = weights.square().sum(1, keepdim=True) / own
    directions = Directions(spread[..., None], surprise[..., None], weights.shape[1])
    return QueryInfluence(mean_in, variance_in, response, weights, directions)


MAX_BLOCK_VALUES = 1 << 20
"""Numbers in an array of a block of queries, ``[n, block]``."""


def query_blocks(
    posterior: Posterior,
    cross: Tensor,
    variances: Tensor,
    labels: Tensor | None = None,
    targets: Tensor | None = None,
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield some queries and their measures, block by block, in bounded memory.

    ``certificate`` is KL(out ‖ in) at the query over that at the removed record itself, which no
    query exceeds; ``shift`` is μ_in − μ_out, signed, by output.

    Args:
        posterior: the fit of all records.
        cross: k(query, record), float64 ``[q, n]``.
        variances: k(query, query), float64 ``[q]``.
        labels: classes of the queries, int64 ``[q]``, if known: with them there is ``influence``,
            by how much the record raises the output of the query's class.
        targets: real values of the queries, ``[q, c]``, if known: ``influence`` is then by how much
            closer to them the prediction is with the record.
    """
    own = self_influence(posterior).directions
    step = queries_at_once(posterior.records)
    for start in range(0, len(cross), step):
        part = slice(start, start + step)
        influence = query_influence(posterior, cross[part], variances[part])
        measures = query_measures(influence, own, None if labels is None else labels[part])
        if targets is not None:
            measures |= value_influence(influence.shift, influence.mean_in, targets[part])
        yield part, measures


def value_influence(shift: Tensor, mean_in: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
    """Return ``influence``, |t − μ_out| − |t − μ_in|, of queries of real values t.

    Args:
        shift: μ_in − μ_out, ``[n, q, c]``.
        mean_in: of the model with the record, ``[q, c]`` or ``[n, q, c]``.
        targets: ``[q, c]``; nothing without.

    Returns:
        float64 ``[n, q]``, positive where a record draws the prediction to the target.
    """
    if targets is None:
        return {}
    residual = targets - mean_in + shift
    return {"influence": towards_targets(shift, residual, "values", targets)}


def query_measures(
    influence: QueryInfluence,
    own: Directions,
    labels: Tensor | None,
    wanted: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """Return the measures of a block of queries by name, ``[n, q]``; shift ``[n, q, c]``.

    Args:
        influence: of the block.
        own: of the removed records at themselves, ``[n, 1]``.
        labels: classes of the queries, int64 ``[q]``, if known.
        wanted: names of measures; None for all.
    """
    directions = influence.directions
    measures: dict[str, Callable[[], Tensor]] = {
        "kl_out_in": directions.kl_out_in,
        "kl_in_out": directions.kl_in_out,
        "auc": directions.auc,
        "mean_distance": lambda: influence.mean_distance,
        "variance_out": lambda: influence.variance_out,
        "certificate": lambda: certificate(directions, own),
        "shift": lambda: influence.shift,
    }
    if labels is not None:
        measures["influence"] = lambda: influence.towards(labels)
    return {
        name: measure() for name, measure in measures.items() if wanted is None or name in wanted
    }


def signed_influence(shift: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
    """Return ``influence``, the shift of the output of each query's class; nothing without labels.

    One column is the contrast of two classes, up for class 1.

    Args:
        shift: signed, ``[n, q, c]``.
        labels: int64 ``[q]``.

    Returns:
        float64 ``[n, q]``, positive where a record raises that output.
    """
    if labels is None:
        return {}
    if shift.shape[-1] == 1:
        return {"influence": shift[..., 0] * (2 * labels - 1)}
    return {"influence": shift.gather(-1, labels.expand(shift.shape[:-1])[..., None])[..., 0]}


def queries_at_once(records: int) -> int:
    """Return how many queries make a block."""
    return max(1, MAX_BLOCK_VALUES // records)
