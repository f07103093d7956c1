"""How well the models with and without some records are distinguished by their predictions.

Both are Gaussian. In coordinates where the model *in* (with the records) has unit covariance, the
model *out* (without) has covariance I + M, and along the eigenvectors of M the two differ one
direction at a time, by two numbers each:

    z, the spread: the variance of out over that of in, less 1;
    a, the surprise: the squared shift of the means over c outputs, in variances of in, over z.

For one record a = |α_s|² / R_ss at any queries, its squared leave-one-out residual in predictive
variances, and z alone depends on the query. With c outputs, summed over directions,

    KL(out ‖ in) = ½ [c (z − log(1 + z)) + z a]
    KL(in ‖ out) = ½ [c (log(1 + z) − z / (1 + z)) + a z / (1 + z)]    in nats.

Ye, Borovykh, Hayou, Shokri, "Leave-one-out distinguishability in machine learning", ICLR 2024, has
the first of the two, and an area under the ROC curve by sampling; here it is exact.

The prediction at the removed records themselves bounds what any queries reveal, for both
divergences and the whole ROC curve, because labels act on f only through f there. A search for the
worst query is judged, and stopped, by its ratio to that bound, the certificate. For one record and
one query the ratio is monotone in ρ², the squared correlation of f(q) and f(s) in the model without
the record,

    z_q / (1 + z_q) = ρ² h_s,   with h_s the leverage.

The mean distance has no such bound: it is no divergence, and grows without limit along multiples of
a query if the kernel is homogeneous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.area import area_above
from imprint.lenses.leave_one_out.posterior.rates import tpr_of_direction


@dataclass(frozen=True, eq=False)
class Directions:
    """Independent directions in which the models out and in differ; the last axis sums.

    Attributes:
        spread: z ≥ 0, float64 ``[..., k]``; a direction with z = 0 adds nothing.
        surprise: a ≥ 0, float64, broadcasts against ``spread``.
        outputs: c.
    """

    spread: Tensor
    surprise: Tensor
    outputs: int

    def kl_out_in(self) -> Tensor:
        """Return KL(out ‖ in), in nats, ``[...]``: the divergence of the publication."""
        return _kl_out_in(self.spread, self.surprise, self.outputs).sum(-1)

    def kl_in_out(self) -> Tensor:
        """Return KL(in ‖ out), in nats, ``[...]``; for one direction never the larger one."""
        return _kl_in_out(self.spread, self.surprise, self.outputs).sum(-1)

    def auc(self) -> Tensor:
        """Return the area under the ROC curve of the best test, ``[...]``, in [½, 1]."""
        return 1 - self.area_above()

    def area_above(self) -> Tensor:
        """Return 1 − AUC, ``[...]``, with its own digits where the AUC rounds to 1."""
        return area_above(self.spread, self.surprise, self.outputs)

    def measures(self) -> dict[str, Tensor]:
        """Return both divergences and the AUC by name, ``[...]`` each."""
        return {"kl_out_in": self.kl_out_in(), "kl_in_out": self.kl_in_out(), "auc": self.auc()}

    def tpr_at_fpr(self, fpr: float) -> Tensor:
        """Return the power of the most powerful test for membership at a level, ``[...]``.

        Positive is *in*: the share of models with the record that the likelihood-ratio test calls
        so, where it calls so a share ``fpr`` of the models without.

        Raises:
            ImprintError: ``fpr`` out of [0, 1], or more than one direction.
        """
        return tpr_of_direction(self.spread, self.surprise, self.outputs, fpr)


Measure = Callable[[Directions], Tensor]
"""A method of :class:`Directions`, such as ``Directions.kl_out_in``."""


def mean_distance(shift: Tensor) -> Tensor:
    """Return half the mean over outputs of the squared difference of the means.

    In the publication's scaling, a *mean* over c outputs (and over queries), in squared units of
    the targets. No f-divergence: no query bounds it.

    Args:
        shift: μ_in − μ_out, ``[..., c]``.
    """
    return 0.5 * shift.square().mean(-1)


def _kl_out_in(spread: Tensor, surprise: Tensor, outputs: int) -> Tensor:
    return 0.5 * (outputs * excess_over_log(spread) + spread * surprise)


def _kl_in_out(spread: Tensor, surprise: Tensor, outputs: int) -> Tensor:
    # log(1 + z) − z/(1 + z) is y − log(1 + y) at y = −z/(1 + z).
    share = spread / (1 + spread)
    return 0.5 * (outputs * excess_over_log(-share) + share * surprise)


def excess_over_log(values: Tensor) -> Tensor:
    """Return y − log(1 + y) for y > −1, to full relative precision near 0.

    With u = y / (2 + y) it is u y − 2 (u³/3 + u⁵/5 + …), where the series is the small part.
    """
    ratio = values / (2 + values)
    square = ratio.square().clamp(max=0.04)
    series = torch.zeros_like(square)
    for odd in range(25, 1, -2):
        series = series * square + 1 / odd
    near = ratio * values - 2 * ratio * square * series
    return torch.where(ratio.abs() <= 0.2, near, values - torch.log1p(values))


def certificate(
    query: Directions, own: Directions, measure: Measure = Directions.kl_out_in
) -> Tensor:
    """Return measure(query) / measure(S), in [0, 1] up to rounding.

    Args:
        query: at the queries, ``[..., k]``.
        own: at the removed records themselves, ``[n, k]`` for queries ``[n, q, k]``.
        measure: ``Directions.kl_out_in`` or ``Directions.kl_in_out``.

    Returns:
        float64 ``[...]``; 1 where nothing distinguishes them, not even at S.
    """
    reached, possible = measure(query), measure(own)
    possible = possible.reshape(possible.shape + (1,) * (reached.ndim - possible.ndim))
    possible = possible.expand_as(reached)
    return torch.where(possible > 0, reached / possible, torch.ones_like(possible))


def squared_correlation(spread: Tensor, leverage: Tensor) -> Tensor:
    """Return ρ², the squared out-correlation of f(q) and f(s), in [0, 1] up to rounding.

    Args:
        spread: z at the queries, float64 ``[n, q]``.
        leverage: h, float64 ``[n]``.

    Returns:
        float64 ``[n, q]``; 0 where the leverage is.
    """
    share = spread / (1 + spread)
    own = leverage[:, None]
    return torch.where(own > 0, share / own, torch.zeros_like(share))


def joined_directions(parts: Sequence[Directions]) -> Directions:
    """Return directions one after another along the first axis; all have the same outputs."""
    return Directions(
        torch.cat([each.spread for each in parts]),
        torch.cat([each.surprise.expand_as(each.spread) for each in parts]),
        parts[0].outputs,
    )
