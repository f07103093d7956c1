"""What a search for the worst queries climbs, for many removed groups at once, differentiable.

Each search removes a group S of k records and predicts at q queries Q. With B = K_QX R, the
covariance C = K_QQ − B K_XQ with all records, and R_SS, the model without S has

    Cov(f(Q), f(S)) = B_S R_SS⁻¹,   Var f(Q) = C + B_S R_SS⁻¹ B_Sᵀ,   Var f(S) = R_SS⁻¹ − σ²I.

Objectives, each 1 at Q = S:

- ``correlation``: mean over queries of ρ(f(q_j), f(s_j)) without S, signed; query j is for record
  j modulo k. It is what to climb: with one query the divergences rise with ρ², whose gradient also
  leads to queries of negative correlation, stationary points that reveal next to nothing.
- ``kl_out_in``, ``kl_in_out``: of all queries together, over those at S.
- ``mean_distance``: mean over queries and outputs of ½ (μ_in − μ_out)², over that at S. No bound
  holds for it; under a homogeneous kernel it grows with the length of a query.

No matrix is factored in a climb: a step costs n d for the kernel and n² for one product a query,
whose gradient needs no second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs
from imprint.lenses.leave_one_out.posterior.distinguishability import excess_over_log
from imprint.lenses.leave_one_out.posterior.groups import group_self_influence
from imprint.lenses.leave_one_out.posterior.posterior import Posterior

ObjectiveName = Literal["correlation", "kl_out_in", "kl_in_out", "mean_distance"]

# Predictions at a set of queries get this share of their variance as noise, so that repeated ones
# cannot make C singular. Noise only hides: what is climbed is at most what is there.
_BLUR = 1e-11


@dataclass(frozen=True, eq=False)
class Leak:
    """What some searches have reached.

    Attributes:
        objective: float64 ``[b]``, see the module.
        certificate: KL(out ‖ in) at the queries over that at S, float64 ``[b]``, in [0, 1].
    """

    objective: Tensor
    certificate: Tensor


class LeakOfQueries:
    """The objective of b searches, side by side.

    Args:
        kernel: of the posterior.
        records: the n inputs that were fitted, ``[n, ...]``, or what the kernel prepared of them.
        posterior: their fit.
        groups: rows of the removed records, int64 ``[b, k]``.
        objective: one of :data:`ObjectiveName`.

    Raises:
        ImprintError: a group or objective that is none, or records that do not fit the posterior.
    """

    def __init__(
        self,
        kernel: Kernel,
        records: Tensor | PreparedInputs,
        posterior: Posterior,
        groups: Tensor,
        objective: ObjectiveName = "correlation",
    ) -> None:
        check_objective(objective)
        own = group_self_influence(posterior, groups)
        self.kernel = kernel
        self.records = records if isinstance(records, PreparedInputs) else kernel.prepare(records)
        if len(self.records) != posterior.records:
            raise ImprintError(
                f"{len(self.records)} inputs do not fit {posterior.records} fitted records: "
                "give the inputs whose kernel was fitted"
            )
        self.posterior, self.groups = posterior, groups
        self.objective: ObjectiveName = objective
        block = posterior.inverse[groups[:, :, None], groups[:, None, :]]
        weights = posterior.weights[groups]
        self._columns = posterior.inverse[groups]
        self._covariance = torch.linalg.inv(block)
        self._root = torch.linalg.cholesky(self._covariance)
        self._whitened = self._root.mT @ weights
        self._residual = self._covariance @ weights
        variance = self._covariance.diagonal(dim1=1, dim2=2) - posterior.noise
        self._deviation = variance.clamp(min=0).sqrt()
        shift = self._residual - posterior.noise * weights
        self._own = {
            "correlation": torch.ones_like(variance[:, 0]),
            "kl_out_in": own.kl_out_in(),
            "kl_in_out": own.kl_in_out(),
            "mean_distance": 0.5 * shift.square().mean((1, 2)),
        }

    @property
    def searches(self) -> int:
        """How many searches run side by side."""
        return len(self._columns)

    def __call__(self, queries: Tensor, rows: Tensor | None = None) -> Leak:
        """Return how much queries reveal.

        Args:
            queries: float64 ``[r, q, ...]``, in the units of the records.
            rows: which searches they belong to, int64 ``[r]``; None for all.
        """
        if rows is None:
            rows = torch.arange(self.searches, device=queries.device)
        reach, covariance = self._posterior_at(queries, rows)
        leak = self._spread(reach, covariance, rows)
        whitened = self._whitened[rows]
        forward = _divergence(leak, whitened, self.posterior.outputs) / self._own["kl_out_in"][rows]
        if self.objective == "kl_out_in":
            return Leak(forward, forward.detach())
        own = self._own[self.objective][rows]
        if self.objective == "kl_in_out":
            value = _reverse_divergence(leak, whitened, self.posterior.outputs) / own
        elif self.objective == "mean_distance":
            shift = reach @ self._residual[rows]
            value = 0.5 * shift.square().mean((1, 2)) / own
        else:
            value = self._correlation(reach, covariance, rows)
        return Leak(value, forward.detach())

    def _posterior_at(self, queries: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return B_S ``[r, q, k]`` and C ``[r, q, q]``."""
        count, together = queries.shape[:2]
        prepared = self.kernel.prepare(queries.flatten(0, 1))
        cross = self.kernel(prepared, self.records).view(count, together, -1)
        if together == 1:
            prior = self.kernel.diagonal(prepared).view(count, 1, 1)
        else:
            pairs = self.kernel(prepared).view(count, together, count, together)
            each = torch.arange(count, device=queries.device)
            prior = pairs[each, :, each, :]
        explained: Tensor = _Explained.apply(cross, self.posterior.inverse)  # type: ignore[no-untyped-call]
        return cross @ self._columns[rows].mT, prior - explained

    def _spread(self, reach: Tensor, covariance: Tensor, rows: Tensor) -> Tensor:
        """Return M ``[r, k, k]``: the covariance out over that in is I + M."""
        toward = reach @ self._root[rows]
        if covariance.shape[1] == 1:
            single: Tensor = toward.mT @ toward / covariance
            return single
        blur = torch.diag_embed(_BLUR * covariance.detach().diagonal(dim1=1, dim2=2))
        several: Tensor = toward.mT @ torch.linalg.solve(covariance + blur, toward)
        return several

    def _correlation(self, reach: Tensor, covariance: Tensor, rows: Tensor) -> Tensor:
        shared = reach @ self._covariance[rows]
        variance = covariance.diagonal(dim1=1, dim2=2) + (shared * reach).sum(2)
        target = torch.arange(reach.shape[1], device=reach.device) % reach.shape[2]
        aimed = shared[:, torch.arange(len(target), device=reach.device), target]
        rho: Tensor = aimed / (self._deviation[rows][:, target] * variance.sqrt())
        return rho.mean(1)


class _Explained(torch.autograd.Function):
    """K_QX R K_XQ of symmetric R for sets of queries ``[r, q, n]``; one product with R in all."""

    @staticmethod
    def forward(ctx: Any, cross: Tensor, inverse: Tensor) -> Tensor:
        product = cross @ inverse
        ctx.save_for_backward(product)
        return product @ cross.mT

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return (gradient + gradient.mT) @ product, None


def check_objective(name: str) -> None:
    """Check the name of an objective.

    Raises:
        ImprintError: it is none.
    """
    if name not in get_args(ObjectiveName):
        listed = ", ".join(get_args(ObjectiveName))
        raise ImprintError(f"unknown objective {name!r}: choose one of {listed}")


def _divergence(spread: Tensor, whitened: Tensor, outputs: int) -> Tensor:
    """Return KL(out ‖ in) ``[r]`` of M ``[r, k, k]`` and G⁻¹α_S ``[r, k, c]``."""
    excess = excess_over_log(torch.linalg.eigvalsh(spread).clamp(min=0)).sum(1)
    return 0.5 * (outputs * excess + (whitened * (spread @ whitened)).sum((1, 2)))


def _reverse_divergence(spread: Tensor, whitened: Tensor, outputs: int) -> Tensor:
    """Return KL(in ‖ out) ``[r]``."""
    values = torch.linalg.eigvalsh(spread).clamp(min=0)
    excess = excess_over_log(-values / (1 + values)).sum(1)
    identity = torch.eye(spread.shape[1], dtype=spread.dtype, device=spread.device)
    share: Tensor = torch.linalg.solve(identity + spread, spread)
    return 0.5 * (outputs * excess + (whitened * (share @ whitened)).sum((1, 2)))
