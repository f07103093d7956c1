"""Adding a record that the fit has not seen: here the fit is *out*, and in has the candidate.

With v the variance of f(x) and m the prediction, g(q) = k(q, x) − k_qX A⁻¹ k_Xx the covariance of
f(q) and f(x), all in the fitted model,

    μ_in − μ_out = g (y − m) / (v + σ²),   C_in = C_out − g gᵀ / (v + σ²),
    z = g² / (C_out (v + σ²) − g²),        a = |y − m|² / (v + σ²).

Many candidates cost one triangular solve together, each added alone. Adding a candidate and
removing it again are the same two models, so everything agrees with
:mod:`imprint.lenses.leave_one_out.posterior.self_influence` and
:mod:`imprint.lenses.leave_one_out.posterior.queries`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import substitute
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence, towards_class


@dataclass(frozen=True, eq=False)
class Candidates:
    """Records that may be added, each by itself.

    Attributes:
        noise: σ².
        variance: v, float64 ``[m]``, of f(x) without the candidate.
        residual: y − μ_out, ``[m, c]``.
        targets: y, ``[m, c]``.
    """

    noise: float
    variance: Tensor
    residual: Tensor
    targets: Tensor

    @property
    def surprise(self) -> Tensor:
        """a, ``[m]``."""
        return self.residual.square().sum(1) / (self.variance + self.noise)

    def self_influence(self) -> SelfInfluence:
        """Return what each candidate would do to its own prediction, ``[m]``."""
        noise = self.noise
        leverage = self.variance / (self.variance + noise)
        shift = leverage[:, None] * self.residual
        spread = (self.variance / noise)[:, None]
        return SelfInfluence(
            leverage,
            self.variance,
            self.residual,
            shift,
            towards_class(shift, self.targets),
            Directions(spread, self.surprise[:, None], self.targets.shape[1]),
        )

    def directions(self, covariance: Tensor, variance_out: Tensor) -> Directions:
        """Return what each candidate would do to each query, directions ``[m, q, 1]``.

        Args:
            covariance: g, of query and candidate without it, float64 ``[m, q]``.
            variance_out: of the queries without candidates, ``[q]``.
        """
        total = (self.variance + self.noise)[:, None]
        rest = variance_out * total - covariance.square()
        spread = torch.where(rest > 0, covariance.square() / rest, torch.zeros_like(rest))
        return Directions(spread[..., None], self.surprise[:, None, None], self.targets.shape[1])

    def shift(self, covariance: Tensor) -> Tensor:
        """Return μ_in − μ_out at the queries, ``[m, q, c]``; the argument as :meth:`directions`."""
        step = self.residual / (self.variance + self.noise)[:, None]
        return covariance[..., None] * step[:, None]


@dataclass(frozen=True, eq=False)
class FittedCandidates(Candidates):
    """Candidates beside the factor of a dense fit.

    Attributes:
        posterior: the fit without them.
        solved: L⁻¹ k_Xx, float64 ``[n, m]``.
    """

    posterior: Posterior
    solved: Tensor

    def at_queries(self, with_candidates: Tensor, cross: Tensor, variances: Tensor) -> Directions:
        """Return what each candidate would do to each query, directions ``[m, q, 1]``.

        Args:
            with_candidates: k(query, candidate), float64 ``[q, m]``.
            cross: k(query, record), float64 ``[q, n]``.
            variances: k(query, query), float64 ``[q]``.
        """
        return self.directions(*self._without(with_candidates, cross, variances))

    def shift_at_queries(self, with_candidates: Tensor, cross: Tensor) -> Tensor:
        """Return μ_in − μ_out at the queries, ``[m, q, c]``; arguments as :meth:`at_queries`."""
        return self.shift(self._without(with_candidates, cross, cross.new_zeros(len(cross)))[0])

    def _without(
        self, with_candidates: Tensor, cross: Tensor, variances: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return g, ``[m, q]``, and the queries' variances without candidates, ``[q]``."""
        solved = substitute(self.posterior.factor, cross.T)
        covariance = with_candidates.T - self.solved.T @ solved
        return covariance, variances - solved.square().sum(0)


def candidates(
    posterior: Posterior, cross: Tensor, variances: Tensor, targets: Tensor
) -> FittedCandidates:
    """Prepare records that are not among the fitted ones.

    Args:
        posterior: the fit without them.
        cross: k(candidate, record), float64 ``[m, n]``.
        variances: k(candidate, candidate), float64 ``[m]``.
        targets: float64 ``[m, c]``.

    Raises:
        ImprintError: shapes that do not fit, or a kernel that is not finite.
    """
    count = len(cross)
    fits = cross.shape == (count, posterior.records) and variances.shape == (count,)
    if not fits or targets.shape != (count, posterior.outputs):
        raise ImprintError(
            f"candidates of shapes {list(cross.shape)}, {list(variances.shape)} and "
            f"{list(targets.shape)} do not fit {posterior.records} records of {posterior.outputs} "
            "outputs: give k(candidate, record) [m, n], k(candidate, candidate) [m], targets [m, c]"
        )
    finite = cross.isfinite().all(1) & variances.isfinite()
    if not finite.all():
        row = int(finite.logical_not().nonzero()[0])
        raise ImprintError(
            f"the kernel of candidate {row} is too large for float64: scale its inputs down"
        )
    solved = substitute(posterior.factor, cross.T)
    variance = (variances - solved.square().sum(0)).clamp(min=0)
    residual = targets - cross @ posterior.weights
    return FittedCandidates(posterior.noise, variance, residual, targets, posterior, solved)


def second_copies(posterior: Posterior) -> Directions:
    """Return what a second copy of each record, added to all, would do at that record, ``[n, 1]``.

    v = σ²h_s and y − m = σ²α_s: how little a duplicate in the data leaves to be learnt.
    """
    spread = posterior.leverage
    surprise = posterior.noise * posterior.weights.square().sum(1) / (1 + spread)
    return Directions(spread[:, None], surprise[:, None], posterior.outputs)
