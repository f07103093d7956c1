"""Predictions of the model that is fitted to all records, for any queries."""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import multiply
from imprint.lenses.leave_one_out.posterior.posterior import Posterior

_MIN_VARIANCE_SHARE = 64 * torch.finfo(torch.float64).eps


def with_all(posterior: Posterior, cross: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Return B = K_qX R, ``[q, n]``, and the variances of the model with all records, ``[q]``.

    Raises:
        ImprintError: shapes or dtypes that do not fit, a kernel that is not finite, or a variance
            that is lost in rounding.
    """
    _check(posterior, cross, variances)
    product = multiply(cross, posterior.inverse)
    variance_in = variances - (product * cross).sum(1)
    check_variance(variance_in, variances)
    return product, variance_in


def _check(posterior: Posterior, cross: Tensor, variances: Tensor) -> None:
    if cross.ndim != 2 or cross.shape[1] != posterior.records or len(variances) != len(cross):
        raise ImprintError(
            f"queries of shapes {list(cross.shape)} and {list(variances.shape)} do not fit "
            f"{posterior.records} records: give k(query, record) [q, n] and k(query, query) [q]"
        )
    if cross.dtype != torch.float64 or variances.dtype != torch.float64:
        raise ImprintError("the kernel of the queries must be computed in torch.float64")
    finite = cross.isfinite().all(1) & variances.isfinite()
    if not finite.all():
        row = int(finite.logical_not().nonzero()[0])
        raise ImprintError(
            f"the kernel of query {row} is too large for float64: choose queries nearer to the "
            "records"
        )


def check_variance(variance: Tensor, prior: Tensor) -> None:
    """Check that the posterior variances of queries ``[q]`` have digits left of their priors.

    Raises:
        ImprintError: one has none.
    """
    lost = torch.nonzero((variance <= _MIN_VARIANCE_SHARE * prior) & (prior > 0)).flatten()
    if len(lost):
        raise ImprintError(
            f"the posterior variance of query {int(lost[0])} is lost in rounding: raise the noise "
            "variance, or query training records by their row"
        )
