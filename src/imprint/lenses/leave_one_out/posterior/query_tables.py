"""Every removed record against every query, one array a measure, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.search.certificate import certificate

MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "variance_out", "certificate")
"""Arrays ``[n, q]``; beside them is ``shift``, ``[n, q, c]``."""
BLOCK_VALUES = 1 << 20


def query_blocks(
    posterior: Posterior, cross: Tensor, variances: Tensor, labels: Tensor | None = None
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield some queries and their measures, block by block.

    ``certificate`` is KL(out ‖ in) at the query over that at the removed record itself, which no
    query exceeds; ``shift`` is μ_in − μ_out, signed, by output; ``influence``, of queries with
    classes, is that of the output of the query's class: how much the record raises it.

    Args:
        posterior: the fit of all records.
        cross: k(query, record), float64 ``[q, n]``.
        variances: k(query, query), float64 ``[q]``.
        labels: classes of the queries, int64 ``[q]``, if known.
    """
    own = self_influence(posterior).directions
    step = queries_at_once(posterior.records)
    for start in range(0, len(cross), step):
        part = slice(start, start + step)
        found = query_influence(posterior, cross[part], variances[part])
        shifts = [found.shift(output) for output in range(posterior.outputs)]
        shift = torch.stack(shifts, dim=-1)
        signed = {} if labels is None else {"influence": towards_labels(shift, labels[part])}
        yield (
            part,
            {
                "kl_out_in": found.directions.kl_out_in(),
                "kl_in_out": found.directions.kl_in_out(),
                "auc": found.directions.auc(),
                "mean_distance": found.mean_distance,
                "variance_out": found.variance_out,
                "certificate": certificate(found.directions, own),
                "shift": shift,
                **signed,
            },
        )


def towards_labels(shift: Tensor, labels: Tensor) -> Tensor:
    """Return the shift of the output of each query's class, ``[n, q]`` of ``[n, q, c]``.

    Args:
        shift: signed.
        labels: int64 ``[q]``.

    One column is the contrast of two classes, up for class 1.
    """
    if shift.shape[-1] == 1:
        return shift[..., 0] * (2 * labels - 1)
    return shift.gather(-1, labels.expand(shift.shape[:-1])[..., None])[..., 0]


def queries_at_once(records: int) -> int:
    """Return how many queries make a block."""
    return max(1, BLOCK_VALUES // records)
