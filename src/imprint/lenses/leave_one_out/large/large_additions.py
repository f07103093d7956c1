"""Records added to a fit of many, from R k_Xx; the formulas are those of a dense fit.

The variance v = k(x, x) − k_xX R k_Xx is at most as large as computed, by ‖r‖²/σ², and the
covariance g with a query is off by no more than ‖R k_Xq‖ ‖r‖.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior
from imprint.lenses.leave_one_out.large.solutions import QUADRATIC, RESIDUAL, Solutions
from imprint.lenses.leave_one_out.linalg.threads import blocks
from imprint.lenses.leave_one_out.posterior.additions import Candidates
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions


def large_candidates(
    posterior: LargePosterior, records: Tensor, targets: Tensor, solutions: Solutions
) -> Candidates:
    """Return records that may be added, each by itself.

    Args:
        posterior: the fit without them.
        records: inputs ``[m, ...]``.
        targets: float64 ``[m, c]``.
        solutions: of R k_Xx, all done.
    """
    quadratic = torch.from_numpy(solutions.facts[:, QUADRATIC].copy()).to(records.device)
    variance = (posterior.variances(records) - quadratic).clamp(min=0)
    predictions = [
        posterior.cross(records[part]).T @ posterior.kept.weights
        for part in blocks(len(records), posterior.columns)
    ]
    return Candidates(posterior.noise, variance, targets - torch.cat(predictions), targets)


def candidate_error(
    posterior: LargePosterior, candidate: Candidates, solutions: Solutions
) -> Tensor:
    """Return by how much KL(out ‖ in) of each record at itself may be off, ``[m]``.

    In the variance alone: α as the fit has it.
    """
    residual = torch.from_numpy(solutions.facts[:, RESIDUAL].copy()).to(candidate.variance.device)
    variance = candidate.variance
    least = (variance - residual.square() / posterior.noise).clamp(min=0)
    squares = candidate.residual.square().sum(1)

    def divergence(variance: Tensor) -> Tensor:
        spread, surprise = variance / posterior.noise, squares / (variance + posterior.noise)
        return Directions(spread[:, None], surprise[:, None], posterior.outputs).kl_out_in()

    return (divergence(variance) - divergence(least)).abs()


def covariances(
    posterior: LargePosterior, records: Tensor, queries: Tensor, solutions: Solutions
) -> Iterator[tuple[slice, Tensor]]:
    """Yield some queries and g of every added record with them, float64 ``[m, q]``.

    Args:
        posterior: the fit.
        records: added, ``[m, ...]``.
        queries: inputs ``[q, ...]``.
        solutions: R k_Xx of the added records.
    """
    kernel = posterior.matrix.kernel
    solved = torch.from_numpy(np.asarray(solutions.table))
    for part in blocks(len(queries), posterior.columns):
        between = kernel(records, queries[part])
        cross = posterior.cross(queries[part])
        for rows in blocks(len(records), posterior.columns):
            between[rows] -= solved[rows].to(cross.device) @ cross
        yield part, between
